"""Telling an app's `on_error` hooks of attempts that failed."""

import asyncio
import contextlib
from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING, Any

from ardiq_django.exceptions import Retry
from ardiq_django.hooks import ErrorContext
from ardiq_django.registry import is_async
from ardiq_django.wire import Failed, Outcome, Retrying
from ardiq_django.worker.crossing import on_loop, submitted
from ardiq_django.worker.report import Report
from ardiq_django.worker.run import Run

if TYPE_CHECKING:
    from ardiq_django.ardiq import Ardiq

Hook = Callable[[ErrorContext], Any]
LIMIT_S = 10.0  # for one async hook: no job should hang on the service that hears of errors


class ErrorHooks:
    """Calls the hooks in order, before the end of the attempt is stored. What goes wrong in one is logged, and neither
    the job nor the other hooks notice."""

    def __init__(self, app: "Ardiq") -> None:
        self._app = app
        self._hooks: list[Hook] = list(app.hooks.error)
        self._report = Report(app.queue_name, app.worker_id)

    async def tell(self, run: Run, outcome: Outcome | None) -> None:
        """After a coroutine: async hooks are awaited here, sync ones are called on the thread of the slot."""
        # the attempt is judged: a loop that is torn down now must not take its outcome along
        with contextlib.suppress(asyncio.CancelledError):
            for hook, told in self._calls(run, outcome):
                with self._reported(run):
                    if is_async(hook):
                        await _limited(hook, told)
                    else:
                        (await submitted(run.slot, partial(hook, told))).get()
        run.error = None  # its traceback leads back to the run

    def tell_sync(self, run: Run, outcome: Outcome | None) -> None:
        """After a thread's work, on this thread: async hooks are awaited on the loop, sync ones are called here."""
        with run.slot.unit.around_thread():
            for hook, told in self._calls(run, outcome):
                with self._reported(run):
                    if is_async(hook):
                        on_loop(self._app.loop, partial(_limited, hook, told))
                    else:
                        hook(told)
        run.error = None

    def _calls(self, run: Run, outcome: Outcome | None) -> Iterator[tuple[Hook, ErrorContext]]:
        error, will_retry = run.error, isinstance(outcome, Retrying)
        asked_for = will_retry and isinstance(error, Retry)
        if error is not None and not asked_for and isinstance(outcome, Failed | Retrying):
            job = run.delivery.job
            told = ErrorContext(job.task, job.id, error, run.delivery.tries, will_retry)
            yield from ((hook, told) for hook in self._hooks)

    @contextlib.contextmanager
    def _reported(self, run: Run) -> Iterator[None]:
        try:
            yield
        except asyncio.CancelledError:
            raise
        except BaseException as error:
            self._report.hook_failed(run.delivery, error)


async def _limited(hook: Hook, told: ErrorContext) -> None:
    async with asyncio.timeout(LIMIT_S):
        await hook(told)
