"""What an app puts around the body of each attempt: the context its job took along, and middleware."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from typing import TYPE_CHECKING, Any

from ardiq_django.registry import is_async
from ardiq_django.stamping import providers_of
from ardiq_django.worker.crossing import in_thread
from ardiq_django.worker.run import Run

if TYPE_CHECKING:
    from ardiq_django.ardiq import Ardiq


class Around:
    """From the outside in: context providers, async middleware, sync middleware of sync tasks, the body.

    Where there is async middleware, sync tasks are run by a coroutine too, which gives their slot's thread its part.
    """

    def __init__(self, app: "Ardiq") -> None:
        self._providers = providers_of(app)
        self._async = [one for one in app.hooks.middleware if is_async(one)]
        self._sync = [one for one in app.hooks.middleware if not is_async(one)]

    @classmethod
    def of(cls, app: "Ardiq") -> "Around | None":
        """None for an app that puts nothing around its tasks."""
        return cls(app) if app.hooks.middleware or providers_of(app) else None

    @property
    def needs_loop(self) -> bool:
        """Whether sync tasks too are to be begun on the event loop."""
        return bool(self._async)

    async def call(self, run: Run, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        """Run the body of any task with all that is around it."""
        with ExitStack() as stack:
            self._restore(run, stack)
            call_next: Callable[[], Any] = partial(self._body, run, args, kwargs)
            for middleware in reversed(self._async):
                call_next = partial(middleware, run.context, call_next)
            return await call_next()

    def call_sync(self, run: Run, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        """The same for a sync task of an app without async middleware, in the thread this is called in."""
        with ExitStack() as stack:
            self._restore(run, stack)
            return self._sync_body(run, args, kwargs)()

    async def _body(self, run: Run, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        assert run.definition is not None  # noqa: S101 (else it would not have been unpacked)
        if run.definition.is_async:
            return await run.definition.body(*args, **kwargs)
        return await in_thread(run, self._sync_body(run, args, kwargs))

    def _sync_body(self, run: Run, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Callable[[], Any]:
        assert run.definition is not None  # noqa: S101
        call_next: Callable[[], Any] = partial(run.definition.body, *args, **kwargs)
        for middleware in reversed(self._sync):
            call_next = partial(middleware, run.context, call_next)
        return call_next

    def _restore(self, run: Run, stack: ExitStack) -> None:
        headers = run.delivery.job.headers
        for provider in self._providers:
            if (value := headers.get(provider.name)) is not None:
                stack.enter_context(provider.restore(value))
