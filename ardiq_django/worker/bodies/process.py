"""A process that runs bodies, as its worker sees it."""

import asyncio
import contextlib
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable

from ardiq_django import origin
from ardiq_django.outcome import OwnReason
from ardiq_django.surroundings import around
from ardiq_django.worker.bodies.letters import LENGTH_BYTES, Call, Ended, Refused, Said, Welcome, frame, read_said

# not SIGTERM, which some who stop a service send to all of its processes: what runs has its time to finish then
END_SIGNAL = getattr(signal, "SIGUSR2", signal.SIGTERM)  # Windows, which only enqueues, has none
GRACE_S = 2.0
PROGRAM = "import sys; sys.path[:] = {path!r}; from ardiq_django.worker.bodies.child import main; main({fd})"


class ProcessDied(OwnReason, ChildProcessError):
    """The process of a body ended by itself, and with it the attempt."""


class ProcessRefused(OwnReason, ChildProcessError):
    """The body never began: its process could not import what it needs."""


class BodyProcess:
    """A fresh interpreter, spawned and never forked, in a session of its own: what a terminal sends goes to the worker
    alone. It is held by its line to the worker, and ends at once when that is cut, however it came to that."""

    def __init__(
        self, process: asyncio.subprocess.Process, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._process = process
        self._reader = reader
        self._writer = writer
        self._length: int | None = None  # of the letter that is on its way
        self.calls = 0
        self.has_begun = False  # the body of the last call

    @classmethod
    async def spawn(cls) -> "BodyProcess":
        """Start one; raises `OSError` where the system will not have another process."""
        ours, theirs = socket.socketpair()
        process: asyncio.subprocess.Process | None = None
        try:
            command = _command(theirs.fileno())
            process = await asyncio.create_subprocess_exec(
                *command, stdin=subprocess.DEVNULL, pass_fds=(theirs.fileno(),), start_new_session=True
            )
            reader, writer = await asyncio.open_unix_connection(sock=ours)
        except BaseException:
            ours.close()
            if process is not None:  # whoever is cancelled just now leaves none behind
                await _gone(process)
            raise
        finally:
            theirs.close()
        writer.write(frame(Welcome(around().process_ring(), sys.argv, origin.main_file())))
        return cls(process, reader, writer)

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def is_there(self) -> bool:
        """Whether it has not ended, as far as one knows."""
        return self._process.returncode is None and not self._reader.at_eof()

    async def call(self, call: Call, hear: Callable[[Said], None]) -> Ended:
        """Let it run a body; `hear` is told what comes before the end. Raises `ProcessDied` or `ProcessRefused`, and
        then the process is of no more use, nor is it when this is cancelled."""
        self.calls += 1
        self.has_begun = False
        try:
            self._writer.write(frame(call))
            await self._writer.drain()
            while not isinstance(said := await self._hear(), Ended | Refused):
                self.has_begun = True
                hear(said)
        except (asyncio.IncompleteReadError, ConnectionError) as error:
            raise ProcessDied(f"its process {await self._cause_of_death()}") from error
        if isinstance(said, Refused):
            raise ProcessRefused(f"its process could not begin: {said.reason}")
        return said

    async def _hear(self) -> Said:
        # cancelled in the middle of a letter, it goes on there
        if self._length is None:
            self._length = int.from_bytes(await self._reader.readexactly(LENGTH_BYTES))
        said: Said = read_said(await self._reader.readexactly(self._length))
        self._length = None
        return said

    async def _cause_of_death(self) -> str:
        code = await self._code_within(GRACE_S)
        if code is None:
            return "closed its line to the worker"
        if code >= 0:
            return f"ended with exit code {code}"
        return f"died with signal {-code} ({_name_of(-code)})"

    async def retire(self) -> None:
        """Let an idle one end by itself, soon."""
        self._writer.close()
        if await self._code_within(GRACE_S) is None:
            await self.end(lambda _: None)

    async def end(self, hear: Callable[[Said], None]) -> None:
        """End it whatever it does: its body is asked, and after a grace killed, with all it has started. `hear` is told
        what it still had to say."""
        try:
            with contextlib.suppress(ProcessLookupError):
                self._process.send_signal(END_SIGNAL)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(GRACE_S):
                    await self._listen_to_the_end(hear)
                    await self._process.wait()
        finally:
            self._kill()
            self._writer.close()
        await self._process.wait()

    async def _listen_to_the_end(self, hear: Callable[[Said], None]) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                hear(await self._hear())

    async def _code_within(self, limit_s: float) -> int | None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(limit_s):
                return await self._process.wait()
        return None

    def _kill(self) -> None:
        if self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.pid, signal.SIGKILL)


async def _gone(process: asyncio.subprocess.Process) -> None:
    with contextlib.suppress(ProcessLookupError):
        process.kill()
    await process.wait()


def _command(fd: int) -> list[str]:
    # as ours was started: -O, -W, -X and the like
    flags = subprocess._args_from_interpreter_flags()  # type: ignore[attr-defined]
    return [sys.executable, *flags, "-c", PROGRAM.format(path=sys.path, fd=fd), "ardiq-body"]


def _name_of(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return "unknown"
