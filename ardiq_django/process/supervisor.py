"""Several worker processes beside each other: kept going, and told together."""

import asyncio
import contextlib
import os
import signal
import tempfile
from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path
from typing import Any

from ardiq_django.ardiq import Ardiq
from ardiq_django.line import logger_of
from ardiq_django.process.child import Child
from ardiq_django.process.health import answering, write
from ardiq_django.process.leash import Leash
from ardiq_django.process.watchdog import Vigil, patience_s

logger = logger_of("ardiq.worker")
FIRST_REST_S = 0.5
LONGEST_REST_S = 30.0
FORGIVEN_AFTER_S = 10.0
TRIES = 3
HEALTH_EVERY_S = 1.0
CANNOT_START = 71  # EX_OSERR of sysexits.h


class Seat:
    """The place of one process, which another takes when it ends."""

    def __init__(self, leash: Leash) -> None:
        self.leash = leash
        self.child: Child | None = None
        self.is_done = False
        self.failures = 0  # in a row, each soon after its start

    def note(self, code: int, age_s: float) -> None:
        """Remember how a process here ended, and how old it was. One that did well for a while is followed at once:
        its sibling may be busy, and its jobs wait."""
        self.failures = 0 if code == 0 or age_s >= FORGIVEN_AFTER_S else self.failures + 1

    @property
    def rest_s(self) -> float:
        """How long it stays empty."""
        return min(LONGEST_REST_S, FIRST_REST_S * 2 ** (self.failures - 1)) if self.failures else 0.0

    def health(self) -> dict[str, Any]:
        """What the process here tells of itself; an empty seat is not well."""
        child = self.child
        return child.health() if child else {"ok": False, "queues": {}}


class Supervisor:
    """Keeps so many worker processes, spawned and never forked. One that ends is followed by another: at once if it
    had done enough, with growing rests if it failed, and what a failed one held is taken back before.

    SIGTERM and SIGINT are passed on, as often as they come. If the supervisor itself is killed, its processes stop as
    by SIGTERM. In burst a process that ends well is not followed by another. One that shows no life for two thirds of
    its shortest lease is killed, if `kills`, so that its jobs are taken back before others may take them.
    """

    def __init__(
        self,
        apps: Sequence[Ardiq],
        number: int,
        *,
        health_port: int | None = None,
        health_file: Path | None = None,
        kills: bool = True,
    ) -> None:
        self._apps = apps
        self._number = number
        self._health_port = health_port
        self._health_file = health_file
        self._patience_s = patience_s(apps)
        self._kills = kills
        self._seats: list[Seat] = []
        self._have_served = False
        self._was_told = False
        self._ending = asyncio.Event()
        self._taking_back = asyncio.Lock()

    async def run(self) -> int:
        """Keep the processes until told to stop, or in burst until they are done; returns the exit code: 0 if all
        ended as they were asked to. If none can even begin to serve, give up, with their exit code."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._obey)
        logger.info("supervisor began pid=%d processes=%d", os.getpid(), self._number)
        with leashes(self._number) as made:
            self._seats = [Seat(leash) for leash in made]
            async with self._telling_health():
                codes = await asyncio.gather(*(self._keep(seat) for seat in self._seats))
        logger.info("supervisor ended pid=%d", os.getpid())
        worst = max(code if code >= 0 else 128 - code for code in codes)
        return min(1, worst) if self._was_told else worst

    def _obey(self) -> None:
        self._was_told = True
        self._stop()

    def _stop(self) -> None:
        self._ending.set()
        for seat in self._seats:
            if seat.child:
                seat.child.stop()

    async def _keep(self, seat: Seat) -> int:
        """Have this seat taken, by one process after the other; returns the exit code that remains."""
        while not self._ending.is_set():
            code = await self._have_taken(seat)
            if self._ending.is_set():
                # the signal itself ends one that does not serve yet, or no longer
                return 0 if code == -signal.SIGTERM else code
            if code == 0 and all(app.burst for app in self._apps):
                seat.is_done = True
                return code
            if self._is_hopeless():
                logger.error("no process could begin to serve, %d times in a row: giving up", TRIES)
                self._stop()
                return code
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._ending.wait(), seat.rest_s)
        return 0

    async def _have_taken(self, seat: Seat) -> int:
        """One process, from its start to its end."""
        try:
            child = seat.child = await Child.spawn(seat.leash)
        except OSError as error:
            logger.error("no process could be started: %s", error)
            seat.note(CANNOT_START, 0)
            return CANNOT_START
        if self._ending.is_set():
            child.stop()
        code, still_s = await self._ended(child)
        seat.child = None
        self._have_served = self._have_served or code == 0 or child.serves
        seat.note(code, child.age_s if child.serves else 0.0)
        if code and not (self._ending.is_set() and code == -signal.SIGTERM):
            logger.error("worker process %d ended: %s", child.pid, in_words(code, still_s))
            await self._take_back(child)
        return code

    async def _ended(self, child: Child) -> tuple[int, float]:
        """Its exit code, and for how long it hung before, if it did."""
        vigil = Vigil(self._patience_s)
        watching = asyncio.create_task(self._watch(child, vigil))
        try:
            code = await child.ended()
        finally:
            watching.cancel()
        return code, vigil.still_s if vigil.still_s > self._patience_s / 2 else 0.0

    async def _watch(self, child: Child, vigil: Vigil) -> None:
        while not (vigil.is_over(child.sign()) and self._kills):  # noqa: ASYNC110 (who hangs announces nothing)
            await asyncio.sleep(vigil.every_s)
        child.kill()

    def _is_hopeless(self) -> bool:
        if self._have_served or any(seat.child and seat.child.serves for seat in self._seats):
            return False
        return all(seat.failures >= TRIES for seat in self._seats)

    async def _take_back(self, child: Child) -> None:
        """Have the jobs of a dead process back at once. Where that fails, its lease does it later."""
        async with self._taking_back:
            for app in self._apps:
                try:
                    await _take_back(app, child)
                except Exception as error:  # whatever it is, the other processes are to go on
                    form = "jobs of worker process %d queue=%s wait for its lease to end: %r"
                    logger.warning(form, child.pid, app.queue_name, error)

    @contextlib.asynccontextmanager
    async def _telling_health(self) -> AsyncIterator[None]:
        writing = asyncio.create_task(self._write_health(self._health_file)) if self._health_file else None
        try:
            with answering(self._health_port, self.health):
                yield
        finally:
            if writing and self._health_file:
                writing.cancel()
                self._health_file.unlink(missing_ok=True)

    async def _write_health(self, path: Path) -> None:
        while True:
            write(path, self.health())
            await asyncio.sleep(HEALTH_EVERY_S)

    def health(self) -> dict[str, Any]:
        """All in one: well while every process lives and is well. May be asked from any thread."""
        told = [seat.health() for seat in self._seats if not seat.is_done]
        names = sorted({queue for one in told for queue in one["queues"]})
        queues = {queue: all(one["queues"].get(queue) is True for one in told) for queue in names}
        return {"ok": all(one["ok"] for one in told), "pid": os.getpid(), "queues": queues, "age_s": 0.0}


async def _take_back(app: Ardiq, child: Child) -> None:
    try:
        dead = [row.card.epoch for row in await app.broker.workers() if child.was(row.card)]
        taken = await app.broker.reap(dead) if dead else 0
    finally:
        await app.broker.close()
    logger.info("took back %d jobs of worker process %d queue=%s", taken, child.pid, app.queue_name)


@contextlib.contextmanager
def leashes(number: int) -> Iterator[list[Leash]]:
    """So many, all ended by the end of the block, and by the end of this process."""
    reading, writing = os.pipe()
    try:
        with tempfile.TemporaryDirectory(prefix="ardiq-", ignore_cleanup_errors=True) as directory:
            yield [Leash(reading, Path(directory) / str(place)) for place in range(number)]
    finally:
        os.close(writing)
        os.close(reading)


def in_words(code: int, still_s: float = 0.0) -> str:
    """How a process ended, and that it hung before."""
    names = {number.value: number.name for number in signal.Signals}
    words = f"exit code {code}" if code >= 0 else f"killed by {names.get(-code, f'signal {-code}')}"
    return f"{words}, because its event loop had stood still for {still_s:.1f} s" if still_s else words
