"""Workers that live and die quickly: forked by a process which has loaded everything and opened nothing."""

import asyncio
import os
import signal
import sys
import time
import traceback
from collections.abc import Coroutine
from typing import Any, NoReturn

import django

SOON_S = 120.0
PAUSE_S = 0.01
_living: set[int] = set()


def main(mode: str, number: str) -> None:
    """`die`: worker after worker, until one ends well. `stop`: one that is stopped in the middle, overtaken, woken."""
    os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"
    django.setup()
    from tests.exactly import crashing  # noqa: F401 (before the first fork)

    if mode == "die":
        dead, code = 0, -signal.SIGKILL
        while code == -signal.SIGKILL:
            dead = forked(burst(dead))
            code = end_of(dead)
        sys.exit(code)
    else:
        try:
            overtake(int(number))
        finally:
            for pid in _living:
                os.kill(pid, signal.SIGKILL)


def forked(work: Coroutine[Any, Any, None]) -> int:
    """The number of a process that does this."""
    if pid := os.fork():
        work.close()
        _living.add(pid)
        return pid
    _do(work)


def end_of(pid: int) -> int:
    """How that process ends: its exit code, or the signal below zero."""
    _, status = os.waitpid(pid, 0)
    _living.discard(pid)
    return os.waitstatus_to_exitcode(status)


def _do(work: Coroutine[Any, Any, None]) -> NoReturn:
    try:
        asyncio.run(work)
    except BaseException:
        traceback.print_exc()
        sys.stderr.flush()
        os._exit(1)
    os._exit(0)


async def burst(dead: int) -> None:
    """Work until nothing is left; first take back what that process held, as a supervisor does."""
    from tests.exactly.crashing import app

    epochs = [row.card.epoch for row in await app.broker.workers() if row.card.pid == dead]
    if epochs:
        await app.broker.reap(epochs)
    app.burst = True
    await app.run()


async def serve(sign: str) -> None:
    """Work until a sign appears."""
    from tests.exactly.crashing import app, place

    working = asyncio.create_task(app.run())
    while not (place / sign).exists() and not working.done():  # noqa: ASYNC110
        await asyncio.sleep(PAUSE_S)
    app.stop()
    await working


def overtake(number: int) -> None:
    """Stop a worker while it runs so many jobs, let another run them, then wake the first."""
    from tests.exactly.crashing import place

    first = forked(serve("first may end"))
    until_runs(number)
    os.kill(first, signal.SIGSTOP)
    os.waitpid(first, os.WUNTRACED)  # until it stands still
    (place / "go").touch()
    second = forked(serve("second may end"))
    until_runs(2 * number)
    (place / "second may end").touch()
    overtook = end_of(second)
    os.kill(first, signal.SIGCONT)
    (place / "first may end").touch()
    sys.exit(overtook or end_of(first))


def until_runs(number: int) -> None:
    from tests.exactly.crashing import place

    deadline = time.monotonic() + SOON_S
    runs = place / "runs"
    while not runs.exists() or len(runs.read_text().splitlines()) < number:
        if time.monotonic() > deadline:
            sys.exit("it did not happen")
        time.sleep(PAUSE_S)


if __name__ == "__main__":
    main(*sys.argv[1:])
