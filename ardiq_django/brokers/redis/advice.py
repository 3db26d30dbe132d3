"""What of a server's own settings endangers the jobs it keeps, and what of its version."""

import re
from collections.abc import Iterator, Mapping

from ardiq_django.brokers.durability import Advice

Version = tuple[int, ...]

# CVE-2025-49844 and its siblings: the first of each line in which whoever may run a script cannot run anything
MENDED: Mapping[str, tuple[Version, ...]] = {
    "Redis": ((6, 2, 20), (7, 2, 11), (7, 4, 6), (8, 0, 4), (8, 2, 2)),
    "Valkey": ((7, 2, 11), (8, 0, 6), (8, 1, 4)),
}


def advice_of(info: bytes | None) -> list[Advice]:
    """Read from what the server tells of itself; None where it does not."""
    told = dict(re.findall(r"^(\w+):(.*?)\r?$", (info or b"").decode(errors="replace"), re.MULTILINE))
    return [*_on_eviction(told), *_on_version(told)]


def _on_eviction(told: Mapping[str, str]) -> Iterator[Advice]:
    policy = told.get("maxmemory_policy", "noeviction")
    if policy != "noeviction":
        said = f"redis: maxmemory-policy is {policy}, so a full server drops jobs or their results without a word"
        yield Advice("eviction", said, "set maxmemory-policy noeviction, on a server that is no cache as well")


def _on_version(told: Mapping[str, str]) -> Iterator[Advice]:
    name = "Valkey" if told.get("server_name") == "valkey" else "Redis"
    text = told.get("valkey_version" if name == "Valkey" else "redis_version", "")
    version = tuple(map(int, re.findall(r"\d+", text)))
    if version and not _is_mended(version, MENDED[name]):
        mended = ", ".join(".".join(map(str, one)) for one in MENDED[name])
        said = f"redis: {name} {text} has a hole by which who may run scripts may run anything (CVE-2025-49844)"
        remedy = f"upgrade to one of {mended} or later, or silence this if your distribution has mended it"
        yield Advice("version", said, remedy)


def _is_mended(version: Version, mended: tuple[Version, ...]) -> bool:
    of_its_line = [one for one in mended if one[:2] == version[:2]]
    return version >= (of_its_line or mended)[-1]
