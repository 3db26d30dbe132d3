"""`manage.py ardiq` as a test calls it: in this process, and in one of its own with a terminal."""

import json
import os
import pty
import signal
import subprocess
import sys
from collections.abc import Mapping
from io import StringIO
from typing import Any, NamedTuple

from django.core.management import call_command

from tests.ring.processes import ROOT


class Told(NamedTuple):
    """What a run said, and its exit code."""

    code: int
    said: str

    @property
    def document(self) -> Any:
        return json.loads(self.said)


def ardiq(*arguments: str) -> Told:
    """Run the command here."""
    out = StringIO()
    try:
        call_command("ardiq", *arguments, stdout=out, no_color=True)
    except SystemExit as end:
        return Told(int(str(end.code)), out.getvalue())
    return Told(0, out.getvalue())


def document(*arguments: str) -> Any:
    """Run the command here and read its `--json`."""
    return ardiq(*arguments, "--json").document


def environment(queues: Mapping[str, Any]) -> dict[str, str]:
    """That of a process for which these queues are declared."""
    return {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "tests.ring.worker_settings",
        "ARDIQ_TEST_QUEUES": json.dumps(queues),
        "PYTHONPATH": str(ROOT),
    }


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "django", "ardiq", *arguments]


def in_a_process(queues: Mapping[str, Any], *arguments: str) -> tuple[int, str, str]:
    """Exit code, standard output and error of a run without a terminal."""
    env = environment(queues)
    ended = subprocess.run(
        command(*arguments), env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=60
    )
    return ended.returncode, ended.stdout, ended.stderr


def at_a_terminal(
    queues: Mapping[str, Any], answer: str | signal.Signals, *arguments: str, until: str = "[y/N] "
) -> Told:
    """A run whose three streams are one terminal, at which somebody answers what they see, or interrupts it."""
    terminal, line = pty.openpty()
    process = subprocess.Popen(
        command(*arguments), env=environment(queues), stdin=line, stdout=line, stderr=line, close_fds=True,
        preexec_fn=_interruptible,
    )  # fmt: skip
    os.close(line)
    said = b""
    while until.encode() not in said and (part := _read(terminal)):
        said += part
    if isinstance(answer, signal.Signals):
        process.send_signal(answer)
    else:
        os.write(terminal, f"{answer}\n".encode())
    said += b"".join(iter(lambda: _read(terminal), b""))
    os.close(terminal)
    return Told(process.wait(60), said.decode())


def _interruptible() -> None:
    """As at any terminal, also where these tests run in the background of a shell, which has interrupts ignored."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 65_536)
    except OSError:  # how Linux says that nobody holds the other end any more
        return b""
