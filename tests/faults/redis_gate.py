"""Between a process and Redis: a wire on which any command, or its reply, may be lost, or the last that it says."""

import asyncio
import contextlib
from typing import Any
from urllib.parse import urlsplit

from hiredis import Reader, pack_command

from tests.faults.fault import Fault, Process

UNCOUNTED = (b"CLIENT", b"HELLO")  # what the library says as it connects


class RedisGate:
    """Listens for one process, and passes on what it says until that is befallen by a fault."""

    def __init__(self, process: Process, address: str) -> None:
        parts = urlsplit(address)
        self._target = parts.hostname, parts.port
        self._process = process
        self._links: set[asyncio.Task[None]] = set()

    async def open(self) -> str:
        """Listen; the address to connect to."""
        self._server = await asyncio.start_server(self._accept, "127.0.0.1")
        host, port = self._server.sockets[0].getsockname()[:2]
        return f"redis://{host}:{port}/0"

    async def close(self) -> None:
        self._server.close()
        for link in self._links:
            link.cancel()
        await asyncio.gather(*self._links, return_exceptions=True)

    def guard(self, broker: Any) -> None:
        """Nothing to do: the process connects here."""

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        link = asyncio.ensure_future(self._serve(reader, writer))
        self._links.add(link)
        link.add_done_callback(self._links.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            there, back = await asyncio.open_connection(*self._target)
            link = _Link(self._process)
            ways = [asyncio.create_task(link.up(reader, back)), asyncio.create_task(link.down(there, writer))]
            try:
                await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
            finally:
                writer.close()
                back.close()
                for way in ways:
                    way.cancel()
                await asyncio.gather(*ways, return_exceptions=True)


class _Link:
    """One connection: commands up, replies down. A way that returns cuts both."""

    def __init__(self, process: Process) -> None:
        self._process = process
        self._sent = 0
        self._answered = 0
        self._doomed: tuple[int, Fault] | None = None  # the number of a command whose reply nobody hears

    async def up(self, reader: asyncio.StreamReader, back: asyncio.StreamWriter) -> None:
        commands = Reader()
        while data := await reader.read(1 << 16):
            commands.feed(data)
            while (command := commands.gets()) is not False:
                if self._process.is_dead or not self._passes(command):
                    return
                back.write(pack_command(tuple(command)))

    def _passes(self, command: Any) -> bool:
        fault = None if command[0] in UNCOUNTED else self._process.next_fault()
        if fault and not fault.is_done:
            if fault.kills:
                self._process.die()
            return False
        self._sent += 1
        if fault:
            self._doomed = self._doomed or (self._sent, fault)
        return True

    async def down(self, there: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        replies = Reader()
        while data := await there.read(1 << 16):
            replies.feed(data)
            while replies.gets() is not False:
                self._answered += 1
            if self._doomed and self._answered >= self._doomed[0]:
                if self._doomed[1].kills:
                    self._process.die()
                return
            if self._process.is_dead:
                return
            writer.write(data)
