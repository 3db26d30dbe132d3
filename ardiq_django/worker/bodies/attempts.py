"""Attempts whose bodies run in processes: what is told of them there becomes what is known of the run here."""

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

import msgspec

from ardiq_django.wire import Outcome
from ardiq_django.worker import logs
from ardiq_django.worker.bodies.letters import Began, Call, LastWords, Progressed, Said, outcome_of
from ardiq_django.worker.bodies.pool import ProcessPool
from ardiq_django.worker.bodies.process import ProcessRefused
from ardiq_django.worker.clock import BrokerClock
from ardiq_django.worker.run import Run

if TYPE_CHECKING:
    from ardiq_django.ardiq import Ardiq

BEGINS_WITHIN_S = 120.0


class ProcessAttempts:
    """Runs attempts of one app in the pool; `began` is called with each when its body begins."""

    def __init__(self, app: "Ardiq", clock: BrokerClock, pool: ProcessPool, began: Callable[[Run], None]) -> None:
        self._app = app
        self._clock = clock
        self._pool = pool
        self._began = began

    async def run(self, run: Run) -> Outcome:
        """The outcome as it was judged there. Raises `ProcessDied` or `ProcessRefused`; cancelled, it kills."""
        try:
            async with asyncio.timeout(BEGINS_WITHIN_S) as limit:

                def hear(said: Said) -> None:
                    if isinstance(said, Began):
                        limit.reschedule(None)
                    self._hear(run, said)

                return outcome_of(await self._pool.run(self._call(run), hear), run.delivery)
        except TimeoutError as error:
            raise ProcessRefused(f"its process did not begin within {BEGINS_WITHIN_S:.0f} s") from error

    def _hear(self, run: Run, said: Said) -> None:
        match said:
            case Began(start_ms=start_ms):
                run.start_ms = start_ms
                self._began(run)
            case Progressed(made=made) if run.context:
                current, total, message = made
                run.context.progress_made = (current, total, message)
            case LastWords(log=log) if run.context:
                logs.take_over(run.context, log)

    def _call(self, run: Run) -> Call:
        options = self._app.options
        assert run.definition  # noqa: S101 (an unknown task is in no process)
        return Call(
            msgspec.structs.replace(run.delivery, envelope=b""),
            run.definition.fn.__module__,
            self._app.queue_name,
            self._app.worker_id,
            self._clock.ahead_ms,
            options.result_ttl_ms,
            options.max_payload_bytes,
        )
