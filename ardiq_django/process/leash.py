"""What ties a worker process to the supervisor that started it."""

import asyncio
import contextlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

VARIABLE = "ARDIQ_SUPERVISED"


@dataclass(frozen=True, slots=True)
class Leash:
    """The end of a pipe that only the supervisor could write to, so that it closes when the supervisor ends, however
    that ended; and the file in which the process is to tell its health."""

    fd: int
    health_file: Path

    @property
    def environment(self) -> dict[str, str]:
        """What a process is started with to be held by this."""
        return {**os.environ, VARIABLE: f"{self.fd}:{self.health_file}"}

    @property
    def flags(self) -> dict[str, Path | None]:
        """The flags it takes the place of: the port is the supervisor's to answer on."""
        return {"health_port": None, "health_file": self.health_file}

    @classmethod
    def taken(cls) -> "Leash | None":
        """This process's own, or None. It is taken out of the environment: what a job starts is not supervised."""
        fd, _, path = os.environ.pop(VARIABLE, "").partition(":")
        if not fd:
            return None
        os.set_inheritable(int(fd), False)
        return cls(int(fd), Path(path))

    def watch(self, loop: asyncio.AbstractEventLoop, left_alone: Callable[[], None]) -> None:
        """Call `left_alone`, once, when the supervisor is no more."""

        def ended() -> None:
            loop.remove_reader(self.fd)
            left_alone()

        loop.add_reader(self.fd, ended)

    def clear_away(self) -> None:
        """Where the supervisor was killed, the last of its processes removes the directory of their health files."""
        os.set_blocking(self.fd, False)
        # refused while the supervisor lives, as there is nothing to read, and while there are files of others
        with contextlib.suppress(OSError):
            if os.read(self.fd, 1) == b"":
                self.health_file.parent.rmdir()
