"""Retention: windows that are over, records beyond their time or number. All in small transactions."""

from collections.abc import Callable
from functools import partial

from django.db.models import BigIntegerField, F, Q, Value
from django.db.models.expressions import CombinedExpression

from ardiq_django.brokers.database.tables import Tables
from ardiq_django.models import Job
from ardiq_django.models.job_queryset import JobQuerySet
from ardiq_django.results import ENDED, State
from ardiq_django.states import Verb, apply
from ardiq_django.statistics import Resolution
from ardiq_django.stored import deliver
from ardiq_django.wire import Answer, End

AT_ONCE = 500
RANKED_PER_MS = 1  # ranking walks over `kept_max` entries of an index, so the longer it is the rarer it is done
Step = Callable[[], bool]


class Sweep:
    """The steps of retention; it remembers when it last ranked the records of each end."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables
        self._ranked_ms: dict[State, int] = {}

    def steps(self) -> list[Step]:
        """What is to be done, each in small transactions: a step says whether it is to be called again."""
        records = [partial(step, state) for state in ENDED for step in (self._outlived, self._pushed_out)]
        return [self._expire, *records, *(partial(self._outdated, resolution) for resolution in Resolution)]

    def _expire(self) -> bool:
        return expire(self._tables, self._tables.now_ms, AT_ONCE) == AT_ONCE

    def _outlived(self, state: State) -> bool:
        now, kept_ms = self._tables.now_ms, self._tables.rules.kept_ms(state)
        over = Q(finish_ms__lte=now - kept_ms) & Q(finish_ms__lte=_less(now, "ttl_ms"))
        return self._purge(self._tables.jobs.ended(state).filter(over), now)

    def _pushed_out(self, state: State) -> bool:
        now, kept_max = self._tables.now_ms, self._tables.rules.kept_max(state)
        if now - self._ranked_ms.get(state, 0) < kept_max / RANKED_PER_MS:
            return False
        records = self._tables.jobs.ended(state)
        first = records.values_list("finish_ms", "pk")[kept_max : kept_max + 1].first()
        outlived = records.filter(finish_ms__lte=_less(now, "ttl_ms"), ttl_ms__gte=0)
        if first and self._purge(outlived.filter(_not_newer(*first)), now):
            return True
        self._ranked_ms[state] = now
        return False

    def _purge(self, records: JobQuerySet, now_ms: int) -> bool:
        free = records.filter(finish_ms__lte=_less(now_ms, "unique_for_ms"))
        with self._tables.atomic():
            oldest = free.reverse().select_for_update(skip_locked=True)
            return self._tables.table.purge(list(oldest.values_list("pk", flat=True)[:AT_ONCE])) == AT_ONCE

    def _outdated(self, resolution: Resolution) -> bool:
        oldest_ms = resolution.oldest_ms(self._tables.now_ms)
        return self._tables.stats.purge(self._tables.queue, resolution, oldest_ms, AT_ONCE) == AT_ONCE


def _less(now_ms: int, column: str) -> CombinedExpression:
    # with `server_side_binding`, Django sends a bare number beside a column in four bytes, which cuts it
    return Value(now_ms, output_field=BigIntegerField()) - F(column)


def _not_newer(finish_ms: int, key: int) -> Q:
    return Q(finish_ms__lt=finish_ms) | Q(finish_ms=finish_ms, pk__lte=key)


def expire(tables: Tables, now_ms: int, limit: int) -> int:
    """End waiting jobs whose window is over; returns how many."""
    with tables.atomic():
        late = list(tables.jobs.lapsed(now_ms).defer("value").select_for_update(skip_locked=True)[:limit])
        for job in late:
            job.finish(late_end(job, now_ms, tables.rules.result_ttl_ms))
        tables.table.rewrite(late)
        if late:
            tables.ring_here(tables.bells.ends)
    return len(late)


def lapse(tables: Tables, job: Job) -> bool:
    """End a locked row as expired if it waits and its window is over: for everybody it has ended, swept or not."""
    if not job.expires_ms or apply(Verb.EXPIRE, State(job.state))[0] is not Answer.DONE:
        return False
    now = tables.now_ms
    if job.expires_ms > now:
        return False
    job.finish(late_end(job, now, tables.rules.result_ttl_ms))
    tables.ring_here(tables.bells.ends)
    return True


def late_end(job: Job, now_ms: int, ttl_ms: int) -> End:
    """The end of a job whose window is over."""
    window_ms = deliver(job.job_id, bytes(job.envelope), 0).job.expire_ms
    reason = f"expired: not started within {window_ms} ms"
    return End(State.EXPIRED, job.tries, job.crashes, 0, now_ms, "", "", ttl_ms, reason)
