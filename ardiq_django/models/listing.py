"""The SQL of a list of jobs: the newest of each state, or the oldest, filtered, and told when there was more."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ardiq_django.results import State
from ardiq_django.snapshot import ENDED_BY_ATTEMPTS, SCANNED, Query

# Each condition is that of one index.
DUE_LATER = "state IN ('scheduled', 'retrying')"
READY = "state = 'queued' AND crashes = 0"
SUSPECT = "state = 'queued' AND crashes > 0"
AGAIN = "state = 'retrying'"
RUNNING = "state = 'running'"
DONE = "finish_ms > 0"
WAITING = (DUE_LATER, READY, SUSPECT)
LIVE = (*WAITING, RUNNING)
ENDED = (DONE,)

# The parts of a statement, one for each branch: the first rows of it, and any.
ROWS = "FROM ardiq_job WHERE queue = %s AND state = %s AND {condition}"
ANY = f"SELECT * FROM (SELECT {{number}} AS branch{{columns}} {ROWS} LIMIT {{depth}}) AS part_{{number}}"  # noqa: S608
FIRST = ANY.replace("LIMIT", "ORDER BY {shown} {order}, id {order} LIMIT")

# The lanes in which jobs stand, found by leaps through the index.
LEAP = f"""
WITH RECURSIVE leap (lane) AS (
  SELECT MIN(lane) FROM ardiq_job WHERE queue = %s AND {READY}
  UNION ALL
  SELECT (SELECT MIN(lane) FROM ardiq_job WHERE queue = %s AND {READY} AND lane > leap.lane)
  FROM leap WHERE lane IS NOT NULL
)"""  # noqa: S608
LANES = f"{LEAP} SELECT lane FROM leap WHERE lane IS NOT NULL"  # noqa: S608
# A branch each: when the first of those queued was due, and whether their queue is paused.
OLDEST, PAUSED = -1, -2
STANDING = f"""
SELECT {OLDEST}, MIN(first_ms), 0 FROM (
  SELECT (SELECT MIN(due_ms) FROM ardiq_job WHERE queue = %s AND {READY} AND lane = leap.lane) AS first_ms FROM leap
  UNION ALL SELECT MIN(due_ms) FROM ardiq_job WHERE queue = %s AND {SUSPECT}
) AS firsts
UNION ALL SELECT {PAUSED}, COUNT(*), 0 FROM ardiq_queue WHERE name = %s AND paused"""  # noqa: S608


RAN = f"""
SELECT * FROM (
  SELECT job_id, task, state, start_ms, finish_ms {ROWS} ORDER BY finish_ms DESC, id DESC LIMIT {{depth}}
) AS part_{{number}}"""  # noqa: S608


def last_runs(queue: str, task: str, depth: int, limit: int) -> tuple[str, list[Any]]:
    """What the newest rows of a task say that an attempt ended, among the newest `depth` of each end."""
    parts = [RAN.format(condition=DONE, depth=int(depth), number=place) for place in range(len(ENDED_BY_ATTEMPTS))]
    ran = f"""SELECT job_id, state, start_ms, finish_ms FROM ({" UNION ALL ".join(parts)}) AS ran
WHERE task = %s AND start_ms > 0 ORDER BY finish_ms DESC LIMIT %s"""  # noqa: S608
    params = [value for state in ENDED_BY_ATTEMPTS for value in (queue, state.value)]
    return ran, [*params, task[:255], limit]


# The last attempt tells, whatever came before it; what it said is cut, for it is only searched.
ERRORS = """
SELECT job.job_id, job.task, job.state, shown_ms,
  CASE WHEN last.error_type <> '' THEN last.error_type ELSE COALESCE(last.event, '') END,
  COALESCE(SUBSTR(last.message, 1, 2000), '')
FROM ({scanned}) AS found
JOIN ardiq_job AS job ON job.id = found.id
LEFT JOIN ardiq_attempt AS last
  ON last.id = (SELECT MAX(one.id) FROM ardiq_attempt AS one WHERE one.job_id = found.id)
ORDER BY shown_ms {order}, found.id {order}"""


@dataclass(frozen=True, slots=True)
class Branch:
    """The rows of one state that one index has in order, and the time by which they are listed."""

    state: State
    shown: str
    condition: str
    values: tuple[str, ...] = ()


def branches(state: State, lanes: Sequence[str] | None) -> list[Branch]:
    """Where the rows of a state are found; without `lanes` those of all lanes together, in no order."""
    match state:
        case State.SCHEDULED:
            return [Branch(state, "due_ms", DUE_LATER)]
        case State.RETRYING:
            return [Branch(state, "due_ms", AGAIN)]
        case State.QUEUED:
            suspects = Branch(state, "due_ms", SUSPECT)
            if lanes is None:
                return [Branch(state, "due_ms", READY), suspects]
            return [*(Branch(state, "due_ms", f"{READY} AND lane = %s", (lane,)) for lane in lanes), suspects]
        case State.RUNNING:
            return [Branch(state, "start_ms", RUNNING)]
        case _:
            return [Branch(state, "finish_ms", DONE)]


class Listing:
    """The statements that answer a query about one queue, each with its parameters."""

    def __init__(self, queue: str, query: Query, lanes: Sequence[str] | None) -> None:
        self._queue = queue
        self._query = query
        self._branches = [branch for state in query.states for branch in branches(state, lanes)]

    def page(self) -> tuple[str, list[Any]]:
        """The keys of the page's rows, in the query's order."""
        query = self._query
        depth = SCANNED if query.is_narrowed else min(SCANNED, query.offset + query.limit)
        found, params = self._each(FIRST, depth, "id, {shown} AS shown_ms" + self._searched)
        terms, values = self._terms()
        order = f"ORDER BY shown_ms {self._order}, id {self._order}"
        page = f"SELECT id FROM ({found}) AS found {terms} {order} LIMIT %s OFFSET %s"  # noqa: S608
        return page, [*params, *values, query.limit, query.offset]

    def totals(self, most: int) -> tuple[str, list[Any]]:
        """Of each branch that has any: its number, how many rows it has (`most` at most), how many of these match."""
        query = self._query
        found, params = self._each(FIRST if query.is_narrowed else ANY, most, self._searched.lstrip(", "))
        terms, values = self._terms()
        matching = f"SUM(CASE {terms.replace('WHERE', 'WHEN', 1)} THEN 1 ELSE 0 END)" if terms else "COUNT(*)"
        sql = f"SELECT branch, COUNT(*), {matching} FROM ({found}) AS found GROUP BY branch"  # noqa: S608
        return sql, [*values, *params]

    def vitals(self, most: int) -> tuple[str, list[Any]]:
        """The totals, and beside them how the queue stands; see `STANDING`."""
        totals, params = self.totals(most)
        return f"{LEAP} {totals} UNION ALL {STANDING}", [*[self._queue] * 2, *params, *[self._queue] * 3]

    def states(self) -> list[State]:
        """The state of each branch, by its number."""
        return [branch.state for branch in self._branches]

    def errors(self, depth: int) -> tuple[str, list[Any]]:
        """What each row failed with last, or is retried for; in the query's order."""
        found, params = self._each(FIRST, depth, "id, {shown} AS shown_ms" + self._searched)
        terms, values = self._terms()
        scanned = f"SELECT id, shown_ms FROM ({found}) AS scanned {terms}"  # noqa: S608
        return ERRORS.format(scanned=scanned, order=self._order), [*params, *values]

    @property
    def _order(self) -> str:
        return "ASC" if self._query.oldest_first else "DESC"

    @property
    def _searched(self) -> str:
        """The columns that the terms read. Without any the index alone is read."""
        query = self._query
        return (", task" if query.task or query.text else "") + (", job_id" if query.text else "")

    def _each(self, part: str, depth: int, columns: str) -> tuple[str, list[Any]]:
        # times bound what is scanned, not what was: so they lead to rows that are older than the newest
        terms, times = self._times()
        parts = [
            part.format(
                shown=one.shown,
                columns=f", {columns.format(shown=one.shown)}" if columns else "",
                condition=one.condition + "".join(f" AND {one.shown} {term}" for term in terms),
                depth=int(depth),
                number=place,
                order=self._order,
            )
            for place, one in enumerate(self._branches)
        ]
        return " UNION ALL ".join(parts), [
            value for one in self._branches for value in (self._queue, one.state.value, *one.values, *times)
        ]

    def _times(self) -> tuple[list[str], list[int]]:
        bounds = {">= %s": self._query.since_ms, "< %s": self._query.until_ms}
        given = {term: ms for term, ms in bounds.items() if ms}
        return list(given), list(given.values())

    def _terms(self) -> tuple[str, list[Any]]:
        query, terms, params = self._query, list[str](), list[Any]()
        if query.task:
            terms.append("task = %s")
            params.append(query.task[:255])
        if query.text:
            like = "%" + query.text.lower().replace("!", "!!").replace("%", "!%").replace("_", "!_") + "%"
            terms.append("(LOWER(job_id) LIKE %s ESCAPE '!' OR LOWER(task) LIKE %s ESCAPE '!')")
            params += [like, like]
        return f"WHERE {' AND '.join(terms)}" if terms else "", params
