"""A wire that fails: it stands between a client and Redis, passes a command on and keeps the reply to itself."""

import asyncio
import contextlib
from types import TracebackType
from urllib.parse import urlsplit

from hiredis import Reader, pack_command


class Proxy:
    """Forwards commands one by one; of `number` of them, from that at `first` on, reply and connection are lost.

    With `dies`, nothing passes any more after the first of these, as if the client had been killed there.
    """

    def __init__(self, address: str, first: int = 0, number: int = 1, *, dies: bool = False) -> None:
        parts = urlsplit(address)
        self._target = parts.hostname, parts.port
        self._lost = range(first, first + number)
        self._dies = dies
        self._is_dead = False
        self._tasks: set[asyncio.Task[None]] = set()
        self.passed = 0

    @property
    def has_cut(self) -> bool:
        return self.passed in self._lost or self.passed >= self._lost.stop

    @property
    def address(self) -> str:
        host, port = self._listener.sockets[0].getsockname()[:2]
        return f"redis://{host}:{port}/0"

    async def __aenter__(self) -> "Proxy":
        self._listener = await asyncio.start_server(self._accept, "127.0.0.1")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None
    ) -> None:
        self._listener.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.ensure_future(self._serve(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            there, back = await asyncio.open_connection(*self._target)
            try:
                if not self._is_dead:
                    await self._relay(reader, writer, there, back)
            finally:
                writer.close()
                back.close()

    async def _relay(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        there: asyncio.StreamReader,
        back: asyncio.StreamWriter,
    ) -> None:
        commands = Reader()
        while data := await reader.read(1 << 16):
            commands.feed(data)
            while command := commands.gets():
                back.write(pack_command(tuple(command)))
                reply = await self._reply(there)
                if command[0] != b"CLIENT" and self._loses_next():  # CLIENT: what the library says as it connects
                    self._is_dead = self._dies
                    return
                writer.write(reply)

    def _loses_next(self) -> bool:
        self.passed += 1
        return self.passed in self._lost

    async def _reply(self, there: asyncio.StreamReader) -> bytes:
        replies, raw = Reader(), b""
        while True:
            data = await there.read(1 << 16)
            if not data:
                raise ConnectionResetError("the server is gone")
            raw += data
            replies.feed(data)
            if replies.gets() is not False:
                return raw
