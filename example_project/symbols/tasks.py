"""The jobs of the code index. Each may run more than once, and leaves what it would leave had it run once."""

import asyncio
import platform
from pathlib import Path

from django.conf import settings
from django.db import transaction

from ardiq_django import PreparedTask, app
from symbols.models import Module, Run, Summary
from symbols.reading import digest_of, module_paths, read_module


def start_index() -> Run:
    """Begin a run. The row and its job commit together: nobody ever sees one without the other."""
    with transaction.atomic():
        run = Run.objects.create()
        index_library.enqueue_sync(run.pk)
    return run


@app.task
def index_library(run_id: int) -> int:
    """Walk the library and make one job for each module; returns how many."""
    paths = module_paths(settings.LIBRARY)
    calls = [call_of(run_id, path) for path in paths]
    with transaction.atomic():
        Run.objects.filter(pk=run_id).update(modules=len(paths), python=platform.python_version())
        gone = set(Module.objects.values_list("path", flat=True)).difference(paths)
        Module.objects.filter(path__in=gone).delete()
        app.enqueue_many_sync(calls)
    return len(paths)


def call_of(run_id: int, path: str) -> PreparedTask:
    """The job of one module, under an id of its own: whoever asks for it twice finds the first one in flight."""
    return index_module.options(task_id=job_id(run_id, path)).prepare(run_id, path)


def job_id(run_id: int, path: str) -> str:
    return f"run {run_id}: {path}"


@app.task(max_retries=2, backoff_ms=200)
def index_module(run_id: int, path: str) -> int:
    """Put what one module defines into the index, and return how much that is.

    A module that does not parse is noted as such; then its error leaves the task, as any error should: the job is
    tried again, and stands as failed in the admin, with a traceback for each attempt.
    """
    if not Run.objects.is_latest(run_id):
        return 0  # somebody pressed the button again, and the newer run reads this module too
    reading = read_module(settings.LIBRARY, path)
    Module.objects.put(run_id, reading)
    if reading.error is not None:
        raise reading.error
    return len(reading.definitions)


@app.cron("* * * * *")
def refresh_summary() -> str:
    """Count everything, every minute, so that no page ever has to."""
    return str(Summary.objects.refresh())


@app.cron("*/5 * * * *")
async def find_changes() -> int:
    """Read every file again, many at once, and index those whose text is another one now; returns how many."""
    run = await Run.objects.order_by("pk").alast()
    if run is None:
        return 0
    known = {path: digest async for path, digest in Module.objects.values_list("path", "digest")}
    found = await asyncio.gather(*(asyncio.to_thread(_current_digest, path) for path in known))
    changed = [path for path, digest in zip(known, found, strict=True) if digest not in (None, known[path])]
    await app.enqueue_many(call_of(run.pk, path) for path in changed)
    return len(changed)


def _current_digest(path: str) -> str | None:
    """The digest of the file as it is now; None if it is gone, which the next run will notice."""
    try:
        return digest_of(Path(settings.LIBRARY, path).read_bytes())
    except OSError:
        return None
