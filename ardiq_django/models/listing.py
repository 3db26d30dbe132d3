"""The SQL of a list of jobs: the newest of each state, filtered, and told when there was more."""

from typing import Any

from ardiq_django.results import State
from ardiq_django.wire import Query

SCANNED_AT_MOST = 10_000  # of each state
# The time by which a state's list is ordered, and the condition that lets an index be used for it.
SHOWN = {
    State.SCHEDULED: ("due_ms", "state IN ('scheduled', 'retrying')"),
    State.RETRYING: ("due_ms", "state IN ('scheduled', 'retrying')"),
    State.QUEUED: ("due_ms", "state = 'queued'"),
    State.RUNNING: ("start_ms", "state = 'running'"),
}
SHOWN_ENDED = ("finish_ms", "finish_ms > 0")


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
        """One row for each state that has more rows than are scanned."""
        parts, params = [], list[Any]()
        for state in self._query.states:
            shown, hint = SHOWN.get(state, SHOWN_ENDED)
            parts.append(
                f"SELECT * FROM (SELECT 1 AS one FROM ardiq_job WHERE queue = %s AND state = %s AND {hint} "  # noqa: S608
                f"ORDER BY {shown} DESC LIMIT 1 OFFSET {SCANNED_AT_MOST}) AS more_{state}"
            )
            params += [self._queue, state.value]
        return " UNION ALL ".join(parts), params

    def _found(self) -> tuple[str, list[Any]]:
        newest, scanned = self._newest()
        wanted, values = self._wanted()
        return f"(SELECT id, shown_ms FROM ({newest}) AS newest{wanted}) AS found", [*scanned, *values]  # noqa: S608

    def _newest(self) -> tuple[str, list[Any]]:
        parts, params = [], list[Any]()
        for state in self._query.states:
            shown, hint = SHOWN.get(state, SHOWN_ENDED)
            parts.append(
                f"SELECT * FROM (SELECT id, {shown} AS shown_ms, job_id, task FROM ardiq_job "  # noqa: S608
                f"WHERE queue = %s AND state = %s AND {hint} "
                f"ORDER BY {shown} DESC, id DESC LIMIT {SCANNED_AT_MOST}) AS some_{state}"
            )
            params += [self._queue, state.value]
        return " UNION ALL ".join(parts), params

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
