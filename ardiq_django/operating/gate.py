"""Queues held back and let go again."""

from collections.abc import Iterator, Sequence
from typing import Any

from ardiq_django.ardiq import Ardiq
from ardiq_django.operating.reach import reached
from ardiq_django.operating.report import Report
from ardiq_django.operating.sheet import Sheet


class Gates(Report):
    """What became of each queue: whether it is paused, and whether that is new."""

    def __init__(self, is_paused: bool, changed: dict[str, bool]) -> None:
        self._is_paused = is_paused
        self._changed = changed

    def document(self) -> dict[str, Any]:
        queues = [
            {"queue": queue, "paused": self._is_paused, "changed": changed} for queue, changed in self._changed.items()
        ]
        return {"queues": queues}

    def lines(self, sheet: Sheet) -> Iterator[str]:
        state = "paused: nothing is handed out until `resume`" if self._is_paused else "resumed: jobs are handed out"
        for queue, changed in self._changed.items():
            yield f"queue {queue} is {state}{'' if changed else ' (it was so before)'}"


def pause(names: Sequence[str]) -> Gates:
    """Hand out nothing of these queues, or of all; what runs goes on to its end."""
    return Gates(True, {app.queue_name: _set(app, True) for app in reached(names)})


def resume(names: Sequence[str]) -> Gates:
    """Hand out again."""
    return Gates(False, {app.queue_name: _set(app, False) for app in reached(names)})


def _set(app: Ardiq, is_paused: bool) -> bool:
    async def turn() -> bool:
        before = await app.broker.paused()
        await (app.broker.pause() if is_paused else app.broker.resume())
        return before != is_paused

    return app.broker.run_sync(turn())
