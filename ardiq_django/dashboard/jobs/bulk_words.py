"""A filter of jobs, and why some of them were refused, in the reader's words."""

from collections.abc import Iterator

from django.utils.translation import gettext as _

from ardiq_django.dashboard.moments import exact, moment
from ardiq_django.models.job import LABELS
from ardiq_django.operating.bulk import CHANGED, GONE, Bulk, Tally
from ardiq_django.operating.sieve import Sieve
from ardiq_django.results import State
from ardiq_django.snapshot import Query


def in_words(queue: str, bulk: Bulk) -> list[tuple[str, str]]:
    """The filter of an act, term by term."""
    return query_in_words(queue, bulk.query, bulk.sieve)


def query_in_words(queue: str, query: Query, sieve: Sieve) -> list[tuple[str, str]]:
    """Each term: what it is called, and its value."""
    states = "" if len(query.states) == len(State) else ", ".join(str(LABELS[state]) for state in query.states)
    text = query.text or sieve.text
    terms = [
        (_("queue"), queue),
        (_("state"), states),
        (_("task"), query.task),
        (_("error"), sieve.error),
        (_("text"), f"“{text}”" if text else ""),
        (_("from"), _exact(query.since_ms)),
        (_("before"), _exact(query.until_ms)),
    ]
    return [(name, value) for name, value in terms if value]


def reasons(tally: Tally) -> Iterator[tuple[int, str]]:
    """How many were refused, and why."""
    for why, number in tally.refused.items():
        if why == GONE:
            yield number, _("it is gone")
        elif why == CHANGED:
            yield number, _("its state has just changed")
        else:
            yield number, _("it is %(state)s") % {"state": LABELS[State(why)]}


def _exact(ms: int) -> str:
    at = moment(ms)
    return exact(at) if at else ""
