"""What the demo shows of a run: how far it is, what came of it, and whether a direct count agrees."""

import shutil
import sys
import time
from collections.abc import Callable
from typing import Any

from django.conf import settings

from ardiq_django import Job, TaskResult, app
from symbols.counting import compare
from symbols.models import Module, Run
from symbols.tasks import find_changes, job_id, refresh_summary, start_index

FAILURES_SHOWN = 5
PATIENCE_S = 120  # without any progress


def follow(look_after: Callable[[], object]) -> bool:
    """Begin a run and show how far it is until it is finished; False if nothing moves any more."""
    start_index()
    line, done, moved = ProgressLine(), -1, time.monotonic()
    while time.monotonic() - moved < PATIENCE_S:
        look_after()
        run = Run.objects.latest("pk")  # perhaps not the one begun here: the page has a button, too
        line.show(run)
        if run.is_finished:
            return True
        if run.done != done:
            done, moved = run.done, time.monotonic()
        time.sleep(0.2)
    print(f"\nNothing has moved for {PATIENCE_S} s: the worker's log may say why.")
    return False


class ProgressLine:
    """One line that moves on a terminal; elsewhere a line every few seconds."""

    def __init__(self) -> None:
        self._moves = sys.stdout.isatty()
        self._next_at = 0.0

    def show(self, run: Run) -> None:
        if self._moves:
            columns = shutil.get_terminal_size().columns - 1
            end = "\n" if run.is_finished else ""
            print(f"\r{in_a_line(run):{columns}.{columns}}", end=end, flush=True)
        elif run.is_finished or time.monotonic() >= self._next_at:
            self._next_at = time.monotonic() + 3
            print(in_a_line(run))


def in_a_line(run: Run, width: int = 30) -> str:
    if run.modules is None:
        return f"Run {run.pk} waits for a worker."
    filled = width * run.done // max(run.modules, 1)
    bar = "█" * filled + "░" * (width - filled)
    failures = f", {run.failures} failed" if run.failures else ""
    return f"{bar} {run.done:,} of {run.modules:,} modules, {run.rate:.0f} a second{failures}"


def report() -> bool:
    """Say what was done and what failed; True if a direct count agrees."""
    run = Run.objects.latest("pk")
    print(f"\n{run.done:,} modules in {run.seconds:.0f} s.")
    report_failures(run)
    print(f"\nThe summary:  {value_of(refresh_summary.enqueue_sync())}")
    print(f"Changes:      {value_of(find_changes.enqueue_sync())} files are other than when they were indexed")
    print("\nCounting the library directly, without the queue …")
    comparison = compare(settings.LIBRARY)
    for line in comparison.lines:
        print(f"  {line.what:18}{line.counted:>8,} counted{line.stored:>8,} in the tables")
    print("They agree, module by module." if comparison.agrees else f"They DIFFER: {', '.join(comparison.differing)}")
    return comparison.agrees


def report_failures(run: Run) -> None:
    """A few of the modules that failed, with what the queue has recorded of their jobs."""
    failed = list(Module.objects.failed().filter(run=run))
    print(f"{len(failed)} of them cannot be read:" if failed else "Every one of them parses.")
    for module in failed[:FAILURES_SHOWN]:
        print(f"  {module.path}, {attempts(app.job(job_id(run.pk, module.path)))} attempts\n    {module.error}")
    if len(failed) > FAILURES_SHOWN:
        print(f"  … and {len(failed) - FAILURES_SHOWN} more")


def attempts(job: Job[Any]) -> int:
    """How often a job was tried until it ended."""
    return result_of(job).tries


def value_of(job: Job[Any]) -> Any:
    """What a job returns, once it has."""
    return result_of(job).value


def result_of(job: Job[Any]) -> TaskResult[Any]:
    result = job.result_sync(timeout=60)
    if result is None:
        raise LookupError(f"the result of {job} is not kept any more")
    return result
