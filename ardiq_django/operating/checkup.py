"""The checks of one queue, in the order in which one would ask."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

from django.core.exceptions import ImproperlyConfigured
from django.db import connections
from django.db.migrations.executor import MigrationExecutor

from ardiq_django.apps import ArdiqConfig
from ardiq_django.ardiq import Ardiq
from ardiq_django.dashboard.moments import duration
from ardiq_django.declared import get_app
from ardiq_django.exceptions import ArdiqError
from ardiq_django.operating.finding import Finding, Verdict
from ardiq_django.operating.idle import oldest_transaction
from ardiq_django.operating.reach import Echo, echo
from ardiq_django.operating.sheet import number_of
from ardiq_django.operating.status import QueueStatus, look
from ardiq_django.snapshot import Query
from ardiq_django.states import WAITING

FAR_MS = 1_000  # apart, clocks are worth a word
SLOW_MS = 50  # a worker asks its broker hundreds of times a second
LOOKED_AT = 1_000  # waiting jobs whose tasks are compared with those registered
SHOWN = 5  # names of one sentence
DATABASE, MEMORY = "database://", "memory://"


def checkup(queue: str) -> Iterator[Finding]:
    """Examine a queue whose settings are valid; stops where nothing more can be asked."""
    try:
        app = get_app(queue)
        yield from Checkup(app, partial(Finding, queue)).findings()
    except (ArdiqError, ImproperlyConfigured) as error:
        advice = "start it, or correct BROKER in the setting ARDIQ: until then nothing is enqueued and nothing runs"
        yield Finding(queue, "broker", Verdict.FAIL, str(error), advice)


@dataclass(frozen=True, slots=True)
class Checkup:
    """One queue under examination."""

    app: Ardiq
    finding: "partial[Finding]"

    def findings(self) -> Iterator[Finding]:
        heard = echo(self.app)
        yield self._broker(heard)
        yield self._clock(heard)
        if self.app.address.startswith(DATABASE):
            found = self._migrations()
            yield found
            if found.verdict is Verdict.FAIL:
                return
            yield from self._transactions()
        yield self._durability()
        yield from self._advice()
        now = look(self.app)
        yield self._paused(now)
        yield self._workers(now)
        yield self._tasks()
        yield self._unknown_tasks()

    def _broker(self, heard: Echo) -> Finding:
        said = f"{self.app.broker.shown_address} answers within {max(0.1, heard.round_trip_ms):.1f} ms"
        if self.app.address.startswith(MEMORY):
            advice = "seen from here it is empty; where workers are processes of their own, give it another BROKER"
            return self.finding("broker", Verdict.WARN, "memory:// lives inside each process, and only there", advice)
        if heard.round_trip_ms > SLOW_MS:
            return self.finding("broker", Verdict.WARN, said, "bring the broker nearer: every turn of a worker waits")
        return self.finding("broker", Verdict.OK, said)

    def _clock(self, heard: Echo) -> Finding:
        apart_ms = abs(heard.ahead_ms)
        word = "ahead of" if heard.ahead_ms > 0 else "behind"
        if apart_ms <= FAR_MS + heard.round_trip_ms:
            return self.finding("clock", Verdict.OK, f"host and broker are {apart_ms:.0f} ms apart")
        said = f"the broker's clock is {duration(round(apart_ms))} {word} this host's"
        return self.finding("clock", Verdict.WARN, said, "let NTP set both: jobs become due by the broker's clock")

    def _migrations(self) -> Finding:
        alias = self._alias
        executor = MigrationExecutor(connections[alias])
        ours = [node for node in executor.loader.graph.leaf_nodes() if node[0] == ArdiqConfig.label]
        missing = [migration.name for migration, _ in executor.migration_plan(ours)]
        if not missing:
            return self.finding("migrations", Verdict.OK, f"all applied to the database {alias!r}")
        said = f"not applied to the database {alias!r}: {_named(missing)}"
        return self.finding("migrations", Verdict.FAIL, said, f"manage.py migrate --database={alias}")

    @property
    def _alias(self) -> str:
        return self.app.address.removeprefix(DATABASE).strip("/") or "default"

    def _transactions(self) -> Iterator[Finding]:
        if oldest := oldest_transaction(self._alias):
            advice = (
                f"end it (SELECT pg_terminate_backend({oldest.pid})): until then no dead row goes, and claims slow down"
            )
            yield self.finding("transactions", Verdict.WARN, str(oldest), advice)

    def _durability(self) -> Finding:
        said = self.app.broker.run_sync(self.app.broker.durability())
        verdict = Verdict.WARN if said.is_weak else Verdict.OK
        return self.finding("durability", verdict, said.sentence, said.remedy)

    def _advice(self) -> Iterator[Finding]:
        for one in self.app.broker.run_sync(self.app.broker.advice()):
            yield self.finding(one.about, Verdict.WARN, one.sentence, one.remedy)

    def _paused(self, now: QueueStatus) -> Finding:
        if not now.is_paused:
            return self.finding("pause", Verdict.OK, "the queue hands out its jobs")
        said = f"the queue is paused, {number_of(now.waiting)} waiting"
        return self.finding("pause", Verdict.WARN, said, f"manage.py ardiq resume --queue {now.queue}")

    def _workers(self, now: QueueStatus) -> Finding:
        advice = f"manage.py runworker {now.queue}"
        if now.is_unserved:
            said = f"none is alive, and {number_of(now.waiting)} waiting"
            return self.finding("workers", Verdict.FAIL, said, advice)
        if not now.alive:
            return self.finding("workers", Verdict.WARN, "none is alive", advice)
        slots = sum(worker.row.card.concurrency for worker in now.alive)
        said = f"{len(now.alive)} alive, with {number_of(slots, 'slot')}"
        return self.finding("workers", Verdict.OK, said)

    def _tasks(self) -> Finding:
        number = len(self.app.tasks)
        if number:
            return self.finding("tasks", Verdict.OK, f"{number_of(number, 'task')} registered")
        advice = "declare them in the module `tasks` of an app that stands in INSTALLED_APPS"
        return self.finding("tasks", Verdict.WARN, "no task is registered for this queue", advice)

    def _unknown_tasks(self) -> Finding:
        query = Query(states=WAITING, limit=LOOKED_AT)
        waiting = self.app.broker.run_sync(self.app.broker.page(query)).rows
        unknown = Counter(row.job.task for row in waiting if row.job.task not in self.app.registry.tasks)
        if not unknown:
            return self.finding("jobs", Verdict.OK, "every job that waits has its task here")
        tasks = _named([f"{task} ({number:,})" for task, number in unknown.most_common()])
        said = f"{number_of(unknown.total())} waiting for tasks that are not registered here: {tasks}"
        return self.finding(
            "jobs", Verdict.WARN, said, "deploy the code that declares them, or `manage.py ardiq purge`"
        )


def _named(names: list[str]) -> str:
    more = len(names) - SHOWN
    return ", ".join(names[:SHOWN]) + (f" and {more} more" if more > 0 else "")
