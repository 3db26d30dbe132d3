"""Retention: windows that are over, records beyond their time or number. All in small transactions."""

from django.db.models import F, Q

from ardiq_django.brokers.database.tables import Tables
from ardiq_django.models import Job
from ardiq_django.models.job_queryset import JobQuerySet
from ardiq_django.results import ENDED, State
from ardiq_django.wire import End, deliver

AT_ONCE = 500
RANKED_PER_MS = 1  # ranking walks over `kept_max` entries of an index, so the longer it is the rarer it is done


class Sweep:
    """Upkeep in bounded steps; it remembers when it last ranked the records of each end."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables
        self._ranked_ms: dict[State, int] = {}

    def __call__(self) -> None:
        while expire(self._tables, self._tables.now_ms) == AT_ONCE:
            pass
        for state in ENDED:
            self._prune(state)

    def _prune(self, state: State) -> None:
        tables, rules = self._tables, self._tables.rules
        now = tables.now_ms
        over = Q(finish_ms__lte=now - rules.kept_ms(state)) & Q(finish_ms__lte=now - F("ttl_ms"))
        self._purge(tables.jobs.ended(state).filter(over))
        if now - self._ranked_ms.get(state, 0) >= rules.kept_max(state) / RANKED_PER_MS:
            self._ranked_ms[state] = now
            self._push_out(state, now)

    def _push_out(self, state: State, now_ms: int) -> None:
        records = self._tables.jobs.ended(state)
        rank = self._tables.rules.kept_max(state)
        first = records.values_list("finish_ms", "pk")[rank : rank + 1].first()
        if first is None:
            return
        finish, key = first
        older = Q(finish_ms__lt=finish) | Q(finish_ms=finish, pk__lte=key)
        self._purge(records.filter(older, finish_ms__lte=now_ms - F("ttl_ms"), ttl_ms__gte=0))

    def _purge(self, records: JobQuerySet) -> None:
        oldest = records.reverse()
        while keys := list(oldest.values_list("pk", flat=True)[:AT_ONCE]):
            with self._tables.atomic():
                locked = oldest.filter(pk__in=keys).select_for_update(skip_locked=True)
                if not self._tables.table.purge(list(locked.values_list("pk", flat=True))):
                    return


def expire(tables: Tables, now_ms: int) -> int:
    """End waiting jobs whose window is over; returns how many."""
    with tables.atomic():
        late = list(tables.jobs.lapsed(now_ms).defer("value").select_for_update(skip_locked=True)[:AT_ONCE])
        for job in late:
            job.finish(late_end(job, now_ms, tables.rules.result_ttl_ms))
        tables.table.rewrite(late)
        if late:
            tables.ring(tables.bells.ends)
    return len(late)


def late_end(job: Job, now_ms: int, ttl_ms: int) -> End:
    """The end of a job whose window is over."""
    window_ms = deliver(job.job_id, bytes(job.envelope), 0).job.expire_ms
    reason = f"expired: not started within {window_ms} ms"
    return End(State.EXPIRED, job.tries, job.crashes, 0, now_ms, "", "", ttl_ms, reason)
