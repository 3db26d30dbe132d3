"""Jobs as a table, newest first: what and how, never what they carry."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ardiq_django.ardiq import Ardiq
from ardiq_django.dashboard.jobs.job import shown_ms
from ardiq_django.dashboard.moments import duration
from ardiq_django.operating.reach import reached
from ardiq_django.operating.report import Report
from ardiq_django.operating.selection import WINDOW, Selection
from ardiq_django.operating.sheet import Column, Sheet, cut, first_line, head, iso, number_of, plain, when
from ardiq_django.results import State
from ardiq_django.snapshot import Page, Snapshot


@dataclass(frozen=True, slots=True)
class ListedJob:
    """One job of one queue."""

    queue: str
    snapshot: Snapshot

    @property
    def took_ms(self) -> int | None:
        """How long the last attempt took, or the running one has taken; None where there was none."""
        snapshot = self.snapshot
        if snapshot.end:
            return snapshot.end.finish_ms - snapshot.end.start_ms if snapshot.end.start_ms else None
        return snapshot.now_ms - snapshot.start_ms if snapshot.state is State.RUNNING else None

    @property
    def error(self) -> str:
        """The first line of why it ended as it did, or why it is tried again."""
        snapshot = self.snapshot
        if snapshot.end:
            return first_line(snapshot.end.reason)
        if snapshot.state is not State.RETRYING or not snapshot.attempts:
            return ""
        last = snapshot.attempts[-1]
        return first_line(f"{last.error_type}: {last.message}" if last.error_type else last.event)

    def document(self) -> dict[str, Any]:
        job, snapshot, end = self.snapshot.job, self.snapshot, self.snapshot.end
        return {
            "queue": self.queue,
            "id": job.id,
            "task": job.task,
            "state": snapshot.state.value,
            "lane": job.lane,
            "tries": snapshot.tries,
            "crashes": snapshot.crashes,
            "when": iso(shown_ms(snapshot)),
            "enqueued": iso(job.enqueued_ms),
            "due": iso(snapshot.due_ms),
            "started": iso(end.start_ms if end else snapshot.start_ms),
            "finished": iso(end.finish_ms) if end else None,
            "took_ms": self.took_ms,
            "worker": snapshot.worker,
            "error": self.error,
        }


class Listing(Report):
    """The newest jobs of some queues; `total` matched, and where `is_capped` there may be more."""

    def __init__(self, jobs: Sequence[ListedJob], total: int, is_capped: bool, queues: int) -> None:
        self.jobs = jobs
        self.total = total
        self.is_capped = is_capped
        self._queues = queues

    def document(self) -> dict[str, Any]:
        return {"jobs": [job.document() for job in self.jobs], "total": self.total, "capped": self.is_capped}

    def lines(self, sheet: Sheet) -> Iterator[str]:
        if self.jobs:
            title, *rows = sheet.table(self._columns())
            yield title
            for job, row in zip(self.jobs, rows, strict=True):
                yield row
                if job.error:
                    yield f"    {head(job.error, max(20, sheet.width - 4))}"
            yield ""
        yield self._foot()

    def _foot(self) -> str:
        shown = f"{len(self.jobs):,} of {number_of(self.total)}" if len(self.jobs) < self.total else ""
        return f"{shown or number_of(self.total)}{_MORE if self.is_capped else ''}"

    def _columns(self) -> list[Column]:
        rows = [job.snapshot for job in self.jobs]
        took = [job.took_ms for job in self.jobs]
        return [
            Column("queue", [job.queue if self._queues > 1 else "" for job in self.jobs]),
            Column("id", [plain(row.job.id) for row in rows]),
            Column("state", [row.state.value for row in rows]),
            Column("tries", [str(row.tries) for row in rows], is_right=True),
            Column("when", [when(shown_ms(row)) for row in rows], is_right=True),
            Column("took", ["" if ms is None else duration(ms) for ms in took], is_right=True),
            Column("task", [cut(plain(row.job.task), 60) for row in rows], is_cut=True),
        ]


_MORE = f"; of each state only the newest {WINDOW:,} were looked at"


def listing(names: Sequence[str], selection: Selection, limit: int) -> Listing:
    """The newest `limit` jobs that are asked for."""
    apps = reached(names)
    pages = [(app.queue_name, _page(app, selection, limit)) for app in apps]
    jobs = [ListedJob(queue, row) for queue, page in pages for row in page.rows]
    jobs.sort(key=lambda job: shown_ms(job.snapshot), reverse=True)
    total, is_capped = sum(page.total for _, page in pages), any(page.capped for _, page in pages)
    return Listing(jobs[:limit], total, is_capped, len(apps))


def _page(app: Ardiq, selection: Selection, limit: int) -> Page:
    async def ask() -> Page:
        now_ms = await app.broker.now_ms()
        page = await app.broker.page(replace(selection.query(now_ms), limit=limit))
        if selection.is_narrowed:
            return page
        counts = await app.broker.counts()
        return Page(page.rows, sum(counts[state] for state in selection.states))

    return app.broker.run_sync(ask())
