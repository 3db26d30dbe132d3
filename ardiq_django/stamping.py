"""What is added to jobs about to be stored: the context they are enqueued in, and what `on_enqueue` hooks write."""

import inspect
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from ardiq_django import bridge
from ardiq_django.exceptions import PayloadError
from ardiq_django.hooks import EnqueueContext
from ardiq_django.provider import ContextProvider
from ardiq_django.shape import check_shape
from ardiq_django.wire import StagedJob, pack

if TYPE_CHECKING:
    from ardiq_django.ardiq import Ardiq


def stamps(app: "Ardiq") -> bool:
    """Whether this app adds anything to its jobs."""
    hooks = app.hooks
    return bool(hooks.enqueue or hooks.providers or app.options.context)


def providers_of(app: "Ardiq") -> list[ContextProvider]:
    """Those of the option, then those that were added; of one name the last."""
    return list({provider.name: provider for provider in (*app.options.context, *app.hooks.providers)}.values())


async def _awaited(said: Awaitable[object]) -> None:
    await said


async def _on_the_bridge(said: Awaitable[object]) -> None:
    bridge.run(_awaited(said))


async def stamped(
    app: "Ardiq", jobs: Sequence[StagedJob], finish: Callable[[Awaitable[object]], Awaitable[None]] = _awaited
) -> list[StagedJob]:
    """The jobs with what their app adds. Raises what a provider or a hook raises, and `PayloadError` for what they add
    if it cannot be carried."""
    taken = captured(app)
    return [await _stamp(app, job, taken, finish) for job in jobs]


def with_context(app: "Ardiq", job: StagedJob) -> StagedJob:
    """The job with the context it is made in, for one that passes the hooks later; raises as `stamped` does."""
    taken = captured(app)
    _check(job, "headers", taken, app.options.max_payload_bytes)
    return msgspec.structs.replace(job, headers=taken)


def captured(app: "Ardiq") -> dict[str, Any]:
    """What the context providers take along from here."""
    return {one.name: value for one in providers_of(app) if (value := one.capture()) is not None}


def stamped_sync(app: "Ardiq", jobs: Sequence[StagedJob]) -> list[StagedJob]:
    """`stamped` for synchronous callers: in their thread, but for what is to be awaited."""
    return bridge.run_in_place(stamped(app, jobs, _on_the_bridge))


async def _stamp(
    app: "Ardiq", job: StagedJob, taken: dict[str, Any], finish: Callable[[Awaitable[object]], Awaitable[None]]
) -> StagedJob:
    context = EnqueueContext(app, job)
    context.headers = {**taken, **context.headers}  # what a schedule took along when it was planned stays
    for hook in app.hooks.enqueue:
        said = hook(context)
        if inspect.isawaitable(said):
            await finish(said)
    _check(job, "headers", context.headers, app.options.max_payload_bytes)
    _check(job, "labels", context.labels, app.options.max_payload_bytes)
    return msgspec.structs.replace(job, headers=context.headers, labels=context.labels)


def _check(job: StagedJob, what: str, added: dict[str, Any], most_bytes: int) -> None:
    if not isinstance(added, dict) or not all(isinstance(name, str) for name in added):
        raise PayloadError(f"{job.task}: {what} {added!r} are no dictionary of names")
    try:
        size = len(pack(added))
        check_shape(added)
    except (TypeError, ValueError, OverflowError, RecursionError) as error:
        raise PayloadError(f"{job.task}: {what} {', '.join(added)} cannot be carried: {error}") from error
    if size > most_bytes:
        raise PayloadError(f"{job.task}: its {what} take {size:,} bytes, more than max_payload_bytes={most_bytes:,}")
