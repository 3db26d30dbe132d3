"""The SQL of a list of jobs: the newest of each state, filtered, and told when there was more."""

from dataclasses import dataclass
from typing import Any

from ardiq_django.results import State
from ardiq_django.wire import Query

SCANNED_AT_MOST = 10_000  # of each state and index
# Each condition is that of one index.
DUE_LATER = "state IN ('scheduled', 'retrying')"
READY = "state = 'queued' AND crashes = 0"
SUSPECT = "state = 'queued' AND crashes > 0"
RUNNING = "state = 'running'"
DONE = "finish_ms > 0"
WAITING = (DUE_LATER, READY, SUSPECT)
LIVE = (*WAITING, RUNNING)
ENDED = (DONE,)


@dataclass(frozen=True, slots=True)
class Branch:
    """The rows of one state that one index holds, and the time by which they are listed."""

    state: State
    shown: str
    condition: str


def branches(state: State) -> list[Branch]:
    """Where the rows of a state are found."""
    match state:
        case State.SCHEDULED | State.RETRYING:
            return [Branch(state, "due_ms", DUE_LATER)]
        case State.QUEUED:
            return [Branch(state, "due_ms", READY), Branch(state, "due_ms", SUSPECT)]
        case State.RUNNING:
            return [Branch(state, "start_ms", RUNNING)]
        case _:
            return [Branch(state, "finish_ms", DONE)]


class Listing:
    """The statements that answer a query about one queue, each with its parameters."""

    def __init__(self, queue: str, query: Query) -> None:
        self._queue = queue
        self._query = query

    def count(self) -> tuple[str, list[Any]]:
        """How many rows match among those that are scanned."""
        sql, params = self._found()
        return f"SELECT COUNT(*) FROM {sql}", params  # noqa: S608

    def page(self) -> tuple[str, list[Any]]:
        """The keys of the page's rows, newest first."""
        sql, params = self._found()
        page = f"SELECT id FROM {sql} ORDER BY shown_ms DESC, id DESC LIMIT %s OFFSET %s"  # noqa: S608
        return page, [*params, self._query.limit, self._query.offset]

    def more(self) -> tuple[str, list[Any]]:
        """One row for each index that has more rows than are scanned."""
        return self._each(
            f"SELECT * FROM (SELECT 1 AS one FROM ardiq_job WHERE queue = %s AND state = %s AND {{condition}} "  # noqa: S608
            f"ORDER BY {{shown}} DESC LIMIT 1 OFFSET {SCANNED_AT_MOST}) AS part_{{number}}"
        )

    def _newest(self) -> tuple[str, list[Any]]:
        return self._each(
            "SELECT * FROM (SELECT id, {shown} AS shown_ms, job_id, task FROM ardiq_job "  # noqa: S608
            "WHERE queue = %s AND state = %s AND {condition} "
            f"ORDER BY {{shown}} DESC, id DESC LIMIT {SCANNED_AT_MOST}) AS part_{{number}}"
        )

    def _each(self, part: str) -> tuple[str, list[Any]]:
        found = [branch for state in self._query.states for branch in branches(state)]
        parts = [part.format(shown=one.shown, condition=one.condition, number=place) for place, one in enumerate(found)]
        return " UNION ALL ".join(parts), [value for one in found for value in (self._queue, one.state.value)]

    def _found(self) -> tuple[str, list[Any]]:
        newest, scanned = self._newest()
        wanted, values = self._wanted()
        return f"(SELECT id, shown_ms FROM ({newest}) AS newest{wanted}) AS found", [*scanned, *values]  # noqa: S608

    def _wanted(self) -> tuple[str, list[Any]]:
        query, terms, params = self._query, [], list[Any]()
        if query.task:
            terms.append("task = %s")
            params.append(query.task[:255])
        if query.text:
            like = "%" + query.text.lower().replace("!", "!!").replace("%", "!%").replace("_", "!_") + "%"
            terms.append("(LOWER(job_id) LIKE %s ESCAPE '!' OR LOWER(task) LIKE %s ESCAPE '!')")
            params += [like, like]
        if query.since_ms:
            terms.append("shown_ms >= %s")
            params.append(query.since_ms)
        if query.until_ms:
            terms.append("shown_ms < %s")
            params.append(query.until_ms)
        return " WHERE " + " AND ".join(terms) if terms else "", params
