"""Looking at the jobs of the memory broker: lists and numbers."""

from collections import Counter
from itertools import islice

from ardiq_django.brokers.memory.entry import Entry
from ardiq_django.brokers.memory.jobs import Jobs
from ardiq_django.results import State
from ardiq_django.snapshot import AHEAD_MOST, Query, Totals, Vitals
from ardiq_django.wire import StagedJob


def listed(jobs: Jobs, query: Query) -> list[Entry]:
    """All jobs of a query, in its order."""
    found = [entry for entry in jobs.in_state(*query.states) if entry.matches(query)]
    return sorted(found, key=lambda entry: entry.shown_ms, reverse=not query.oldest_first)


def counts(jobs: Jobs) -> dict[State, int]:
    """How many jobs are in each state."""
    found = Counter(entry.state for entry in jobs.entries.values())
    return {state: found[state] for state in State}


def count(jobs: Jobs, query: Query) -> Totals:
    """How many jobs of a query are in each of its states."""
    found = Counter(entry.state for entry in listed(jobs, query))
    return Totals({state: found[state] for state in query.states})


def vitals(jobs: Jobs, now_ms: int, is_paused: bool) -> Vitals:
    """How the queue stands."""
    oldest_ms = min((entry.due_ms for entry in jobs.in_state(State.QUEUED)), default=None)
    waits_ms = None if oldest_ms is None else max(0, now_ms - oldest_ms)
    return Vitals(counts(jobs), is_paused, waits_ms, Counter(one.holder for one in jobs.in_state(State.RUNNING)))


def ahead(jobs: Jobs, job: StagedJob) -> int | None:
    """How many jobs stand before a queued one in its lane, if it is among the first."""
    ids = list(islice(jobs.standing(job.lane), AHEAD_MOST + 1))
    return ids.index(job.id) if job.id in ids else None
