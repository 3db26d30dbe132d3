"""The figures of the overview for Prometheus. A queue is told in full, or that it cannot be read."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from http import HTTPStatus

from django.http import HttpResponse
from django.http.response import HttpResponseBase

from ardiq_django.dashboard.desk import Desk
from ardiq_django.dashboard.overview.alarm import Alarm
from ardiq_django.dashboard.overview.exposition import CONTENT_TYPE, Family, Kind, Sample, exposed
from ardiq_django.dashboard.overview.program import Format, LetsIn, program_view
from ardiq_django.dashboard.overview.sight import QueueSight
from ardiq_django.dashboard.overview.sights import processes_of
from ardiq_django.operating.status import QueueStatus
from ardiq_django.results import State
from ardiq_django.snapshot import COUNTED_MOST
from ardiq_django.statistics import Figures

QUANTILES = (0.5, 0.95)


@dataclass(frozen=True, slots=True)
class Reading:
    """What one queue told, all of it read at once; or its trouble alone."""

    status: QueueStatus
    alarms: Sequence[Alarm]
    lately: Figures
    day: Figures

    @property
    def queue(self) -> str:
        return str(self.status.queue)  # a key of the settings, which may be anything

    @classmethod
    def of(cls, status: QueueStatus) -> "Reading":
        """At a desk of its own, where the trouble of others is unknown."""
        desk = Desk()
        sight = QueueSight(desk, status)
        found = cls(status, list(sight.alarms), sight.lately, sight.day)
        if desk.problem and not status.problem:  # it went away meanwhile
            status = QueueStatus(status.queue, status.address, desk.problem)
            return replace(found, status=status, alarms=[Alarm(status.queue, "unreadable", desk.problem)])
        return found


@dataclass(frozen=True, slots=True)
class Metric:
    """One name, and what it is of each queue that can be read."""

    name: str
    about: str
    told: Callable[[Reading], Iterator[Sample]]
    kind: Kind = Kind.GAUGE

    def family(self, readings: Sequence[Reading]) -> Family:
        samples = [_of_queue(one, sample) for one in readings for sample in self.told(one)]
        return Family(self.name, self.about, samples, self.kind)


def _of_queue(one: Reading, sample: Sample) -> Sample:
    return replace(sample, labels={"queue": one.queue, **sample.labels})


def _jobs(one: Reading) -> Iterator[Sample]:
    for state in State:
        yield Sample(one.status.counts.get(state, 0), {"state": state.value})


def _oldest_wait(one: Reading) -> Iterator[Sample]:
    yield from _seconds(one.status.oldest_wait_ms)


def _paused(one: Reading) -> Iterator[Sample]:
    yield Sample(int(one.status.is_paused))


def _workers(one: Reading) -> Iterator[Sample]:
    alive = len(one.status.alive)
    yield Sample(alive, {"state": "alive"})
    yield Sample(len(one.status.workers) - alive, {"state": "lost"})


def _slots(one: Reading) -> Iterator[Sample]:
    yield Sample(sum(worker.row.card.concurrency for worker in one.status.alive))


def _busy(one: Reading) -> Iterator[Sample]:
    yield Sample(sum(worker.running for worker in one.status.alive))


def _up(one: Reading) -> Iterator[Sample]:
    yield Sample(int(not one.status.problem))


def _alarms(one: Reading) -> Iterator[Sample]:
    """Those that are raised, as many as there are; none has a zero."""
    known = {alarm.about: alarm.is_grave for alarm in one.alarms}
    for about, is_grave in known.items():
        number = sum(alarm.about == about for alarm in one.alarms)
        yield Sample(number, {"about": about, "grave": str(is_grave).lower()})


def _seconds(ms: int | None, **labels: str) -> Iterator[Sample]:
    if ms is not None:
        yield Sample(ms / 1000, labels)


@dataclass(frozen=True, slots=True)
class Window:
    """The figures of the last part of time, which workers reported."""

    name: str
    words: str
    figures: Callable[[Reading], Figures]

    def metrics(self) -> Iterator[Metric]:
        name, words = self.name, self.words
        yield Metric(f"ardiq_attempts_begun_{name}", f"Attempts begun in the last {words}.", self._begun)
        yield Metric(f"ardiq_attempts_ended_{name}", f"Attempts ended in the last {words}.", self._ended)
        waited = f"How long jobs that began in the last {words} had waited since they were due."
        yield Metric(f"ardiq_wait_{name}_seconds", waited, self._wait, Kind.SUMMARY)
        ran = f"How long attempts that ended in the last {words} ran."
        yield Metric(f"ardiq_run_{name}_seconds", ran, self._run, Kind.SUMMARY)

    def _begun(self, one: Reading) -> Iterator[Sample]:
        yield Sample(self.figures(one).begun)

    def _ended(self, one: Reading) -> Iterator[Sample]:
        found = self.figures(one)
        yield Sample(found.succeeded, {"outcome": "succeeded"})
        yield Sample(found.retried, {"outcome": "retried"})
        yield Sample(found.failed, {"outcome": "failed"})
        yield Sample(found.aborted, {"outcome": "aborted"})

    def _wait(self, one: Reading) -> Iterator[Sample]:
        for share in QUANTILES:
            yield from _seconds(self.figures(one).wait_ms(share), quantile=str(share))

    def _run(self, one: Reading) -> Iterator[Sample]:
        for share in QUANTILES:
            yield from _seconds(self.figures(one).run_ms(share), quantile=str(share))


OF_ALL = (
    Metric("ardiq_up", "Whether the queue could be read; if not, of it there is nothing else but an alarm.", _up),
    Metric("ardiq_alarms", "What is wrong, as on the overview.", _alarms),
)
OF_READABLE = (
    Metric("ardiq_jobs", f"Jobs by state. A database counts no further than {COUNTED_MOST} of each.", _jobs),
    Metric("ardiq_oldest_wait_seconds", "How long the oldest queued job has waited.", _oldest_wait),
    Metric("ardiq_paused", "Whether the queue hands out nothing.", _paused),
    Metric("ardiq_workers", "Registered workers; those that are lost have not been heard of in time.", _workers),
    Metric("ardiq_slots", "How many jobs its living workers can run at once.", _slots),
    Metric("ardiq_slots_busy", "How many jobs its living workers have in their hands.", _busy),
    *Window("15m", "15 minutes", lambda one: one.lately).metrics(),
    *Window("24h", "24 hours", lambda one: one.day).metrics(),
)
PROCESSES = "Worker processes of all queues that can be read; one may serve several."


def families(desk: Desk) -> list[Family]:
    """All figures, each name once."""
    readings = [Reading.of(status) for status in desk.statuses]
    up = [one for one in readings if not one.status.problem]
    processes = Sample(processes_of([one.status for one in up]))
    return [
        *(metric.family(readings) for metric in OF_ALL),
        *(metric.family(up) for metric in OF_READABLE),
        Family("ardiq_worker_processes", PROCESSES, [processes]),
    ]


def _told(desk: Desk) -> HttpResponse:
    """200 where queues are known, whichever of them can be read; 503 if the settings name none."""
    found = families(desk)
    if desk.problem:
        return _written(f"# {desk.problem!r}\n".encode(errors="replace"), HTTPStatus.SERVICE_UNAVAILABLE)
    return _written(exposed(found))


def _refused(text: str) -> HttpResponse:
    return _written(f"# {text}\n".encode())


def _written(body: bytes, code: HTTPStatus = HTTPStatus.OK) -> HttpResponse:
    return HttpResponse(body, content_type=CONTENT_TYPE, status=code)


def metrics_view(is_let_in: LetsIn) -> Callable[..., HttpResponseBase]:
    """The view. Beside the right, a user must be let in; a token is enough."""
    return program_view(Format(_told, _refused), is_let_in)
