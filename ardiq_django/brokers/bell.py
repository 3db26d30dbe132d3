"""A bell that wakes whoever waits for it, on whichever event loop of the process."""

import asyncio
import contextlib
from types import TracebackType


class Bell:
    """Rung for all who hold a `listener` at that moment; a listener that was rung stays awake."""

    def __init__(self) -> None:
        self._listeners: dict[Listener, None] = {}  # who has waited longest is woken first

    def ring(self, about: str = "") -> None:
        """Wake every listener, or those who listen for what this is about; from any thread."""
        for listener in tuple(self._listeners):
            if not about or listener.about in ("", about):
                listener.wake()

    def listener(self, about: str = "") -> "Listener":
        """Register before looking, so that nothing between the look and the wait is missed."""
        return Listener(self._listeners, about)


class Listener:
    """One registration with a bell, for the `with` block it stands in."""

    def __init__(self, peers: "dict[Listener, None]", about: str = "") -> None:
        self.about = about
        self._peers = peers
        self._loop = asyncio.get_running_loop()
        self._rung = asyncio.Event()
        self.rings = 0  # how often the bell was rung

    def stir(self) -> None:
        """Wake this listener on its own loop, without the bell."""
        self._rung.set()

    def wake(self) -> None:
        self.rings += 1
        # the loop may have been closed by a caller that did not wait for its end
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._rung.set)

    async def rung(self, timeout_s: float) -> bool:
        """Wait for the bell; False if the time was over first."""
        try:
            async with asyncio.timeout(timeout_s):
                await self._rung.wait()
        except TimeoutError:
            return False
        self._rung.clear()
        return True

    def __enter__(self) -> "Listener":
        self._peers[self] = None
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self._peers.pop(self, None)
