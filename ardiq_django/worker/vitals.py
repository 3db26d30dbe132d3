"""What a worker process can tell of itself: its memory, and the versions of what it runs on."""

import platform
import sys
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

if sys.platform != "win32":
    import resource

_STATM = Path("/proc/self/statm")
_PACKAGES = ("ardiq-django", "Django")


def resident_bytes() -> int:
    """The memory this process holds now; where the system does not tell, the most it ever held, or 0."""
    if sys.platform == "win32":
        return 0
    if _STATM.exists():
        return int(_STATM.read_text().split()[1]) * resource.getpagesize()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


@cache
def versions() -> dict[str, str]:
    """Of this package, of Python, and of Django where it is installed."""
    return {"Python": platform.python_version()} | {name: found for name in _PACKAGES if (found := _version(name))}


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""
