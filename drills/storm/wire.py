"""The wires between the workers, the producers and the broker: they lose replies, and fall silent."""

import asyncio
import contextlib
import random
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from drills.storm.acts import LOST_REPLY, PARTED, STALL, Act, Acts
from drills.storm.pulse import pulse

CHUNK_BYTES = 1 << 16
Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a server answers: a port of this machine, or a socket in the file system."""

    port: int = 0
    path: str = ""

    async def connect(self) -> Streams:
        if self.path:
            return await asyncio.open_unix_connection(self.path)
        return await asyncio.open_connection("127.0.0.1", self.port)

    @classmethod
    def of(cls, url: str) -> "Place":
        """The place of a Redis URL."""
        return cls(urlsplit(url).port or 6379)


class Wire:
    """Passes bytes on. Of so many chunks from the server one is kept back and the connection cut: whatever it answers
    was done. While silent, nothing passes, and nobody is told."""

    def __init__(self, seat: int, target: Place, loss: float, acts: Acts) -> None:
        self.place = Place()
        self.loss = loss
        self.seat = seat
        self.target = target
        self._acts = acts
        self._chance = random.Random(seat)
        self._open = asyncio.Event()
        self._open.set()
        self._silent_since_s = 0.0
        self._tasks: set[asyncio.Task[None]] = set()

    async def begin(self, path: Path | None) -> None:
        """Listen, at a socket in the file system or on a port of its own."""
        if path is not None:
            path.parent.mkdir(exist_ok=True)
            self._server = await asyncio.start_unix_server(self._accept, path)
            self.place = Place(path=str(path))
        else:
            self._server = await asyncio.start_server(self._accept, "127.0.0.1")
            self.place = Place(self._server.sockets[0].getsockname()[1])

    async def end(self) -> None:
        """Cut all connections."""
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def part(self) -> None:
        """Fall silent."""
        self._silent_since_s = time.monotonic()
        self._open.clear()

    def heal(self) -> None:
        """Pass on what was held back, and what comes."""
        if not self._open.is_set():
            self._open.set()
            self._acts.over(PARTED, self._silent_since_s, self.seat)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.ensure_future(self._serve(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await self._open.wait()
            with contextlib.suppress(OSError):
                there, back = await self.target.connect()
                try:
                    await self._relay(reader, back, there, writer)
                finally:
                    back.close()
        finally:
            writer.close()

    async def _relay(
        self, reader: asyncio.StreamReader, back: asyncio.StreamWriter, there: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:  # fmt: skip
        ways = [asyncio.ensure_future(self._pass(reader, back, 0)), asyncio.ensure_future(self._pass(there, writer, 1))]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)

    async def _pass(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, lossy: int) -> None:
        while data := await source.read(CHUNK_BYTES):
            await self._open.wait()
            if lossy and self._chance.random() < self.loss:
                self._acts.now(LOST_REPLY, self.seat)
                return
            sink.write(data)
            await sink.drain()


class Wires:
    """One wire for each seat and one for the producers, on an event loop and a thread of their own."""

    def __init__(self, target: Place, number: int, loss: float, acts: Acts, directory: Path) -> None:
        self._acts = acts
        self._directory = directory
        self._loop = asyncio.new_event_loop()
        self.all: Sequence[Wire] = [Wire(seat, target, loss, acts) for seat in range(number)]

    def call(self, verb: Callable[[], object]) -> None:
        """Run it where the wires are."""
        self._loop.call_soon_threadsafe(verb)

    def calm(self) -> None:
        """From now on they lose nothing."""
        for wire in self.all:
            wire.loss = 0.0
            self.call(wire.heal)

    async def _begin(self) -> None:
        self._beating = asyncio.ensure_future(pulse(self._stalled))
        for wire in self.all:
            at = self._directory / f"wire-{wire.seat}" / ".s.PGSQL.5432" if wire.target.path else None
            await wire.begin(at)

    def _stalled(self, since_s: float, until_s: float) -> None:
        self._acts.add(Act(STALL, since_s, until_s))

    async def _end(self) -> None:
        self._beating.cancel()
        for wire in self.all:
            await wire.end()

    @contextmanager
    def up(self) -> Iterator[None]:
        """They pass bytes on for the length of the block."""
        thread = threading.Thread(target=self._loop.run_forever, name="drill-wires", daemon=True)
        thread.start()
        asyncio.run_coroutine_threadsafe(self._begin(), self._loop).result(10)
        try:
            yield
        finally:
            asyncio.run_coroutine_threadsafe(self._end(), self._loop).result(10)
            self._loop.call_soon_threadsafe(self._loop.stop)
            thread.join()
