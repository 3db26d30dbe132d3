"""What a job is related to: the job that enqueued it, those that it enqueued, those that it waits for."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from ardiq_django.dashboard.desk import Desk
from ardiq_django.dashboard.jobs.columns import badge
from ardiq_django.dashboard.jobs.job import short
from ardiq_django.lineage import PARENT, said
from ardiq_django.snapshot import Snapshot

MOST_SHOWN = 20  # children: they are read one by one


@dataclass(frozen=True, slots=True)
class Relative:
    """Another job; without a snapshot it is not, or not any more, where it is said to be."""

    queue: str
    job_id: str
    snapshot: Snapshot | None = None

    @property
    def key(self) -> str:
        return f"{self.queue}:{self.job_id}"

    @property
    def name(self) -> str:
        return short(self.job_id)

    @property
    def task(self) -> str:
        return self.snapshot.job.task if self.snapshot else ""

    @property
    def badge(self) -> str:
        return badge(self.snapshot.state) if self.snapshot else ""


@dataclass(frozen=True, slots=True)
class Family:
    """The relatives of one job; `more` children are known by their number alone."""

    parent: Relative | None
    children: Sequence[Relative]
    depends_on: Sequence[Relative]
    more: int = 0

    def __bool__(self) -> bool:
        return bool(self.parent or self.children or self.depends_on)


def family(desk: Desk, queue: str, snapshot: Snapshot) -> Family:
    """Read once for each queue that has a relative of this job."""
    parent = said(snapshot.job.headers, PARENT)
    children, more = snapshot.children
    more += len(children[MOST_SHOWN:])
    children = children[:MOST_SHOWN]
    awaited = [f"{queue}:{job_id}" for job_id in snapshot.job.depends_on]
    found = _found(desk, [parent, *children, *awaited] if parent else [*children, *awaited])
    return Family(
        found[parent] if parent else None,
        [found[key] for key in children],
        [found[key] for key in awaited],
        more,
    )


def _found(desk: Desk, keys: Sequence[str]) -> dict[str, Relative]:
    by_queue: dict[str, list[str]] = defaultdict(list)
    parts = {key: key.partition(":") for key in keys}
    for queue, _, job_id in parts.values():
        if job_id.isprintable():  # what stands there is anybody's, and a database takes no NUL
            by_queue[queue].append(job_id)
    known = {queue: desk.known(queue, ids) for queue, ids in by_queue.items()}
    return {key: Relative(queue, job_id, known.get(queue, {}).get(job_id)) for key, (queue, _, job_id) in parts.items()}
