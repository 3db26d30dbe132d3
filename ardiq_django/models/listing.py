"""The SQL of a list of jobs: the newest of each state, filtered, and told when there was more."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ardiq_django.results import State
from ardiq_django.snapshot import ENDED_BY_ATTEMPTS, Query

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

# The parts of a statement, one for each branch.
ROWS = "FROM ardiq_job WHERE queue = %s AND state = %s AND {condition}"
ANY = f"SELECT * FROM (SELECT id, {{shown}} AS shown_ms {ROWS} LIMIT {SCANNED_AT_MOST}) AS part_{{number}}"  # noqa: S608
NEWEST = ANY.replace("LIMIT", "ORDER BY {shown} DESC, id DESC LIMIT")
MORE = f"SELECT * FROM (SELECT 1 AS one {ROWS} LIMIT 1 OFFSET {SCANNED_AT_MOST}) AS part_{{number}}"  # noqa: S608


# The lanes in which jobs stand, found by leaps through the index.
LANES = f"""
WITH RECURSIVE leap (lane) AS (
  SELECT MIN(lane) FROM ardiq_job WHERE queue = %s AND {READY}
  UNION ALL
  SELECT (SELECT MIN(lane) FROM ardiq_job WHERE queue = %s AND {READY} AND lane > leap.lane)
  FROM leap WHERE lane IS NOT NULL
)
SELECT lane FROM leap WHERE lane IS NOT NULL"""  # noqa: S608


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
ERRORS = f"""
SELECT job.job_id, job.task, job.state, shown_ms,
  CASE WHEN last.error_type <> '' THEN last.error_type ELSE COALESCE(last.event, '') END,
  COALESCE(SUBSTR(last.message, 1, 2000), '')
FROM ({{scanned}}) AS found
JOIN ardiq_job AS job ON job.id = found.id
LEFT JOIN ardiq_attempt AS last
  ON last.id = (SELECT MAX(one.id) FROM ardiq_attempt AS one WHERE one.job_id = found.id)
{{where}} ORDER BY shown_ms DESC, found.id DESC LIMIT {SCANNED_AT_MOST}"""  # noqa: S608


@dataclass(frozen=True, slots=True)
class Branch:
    """The rows of one state that one index has in order, and the time by which they are listed."""

    state: State
    shown: str
    condition: str
    values: tuple[str, ...] = ()


def branches(state: State, lanes: Sequence[str]) -> list[Branch]:
    """Where the rows of a state are found."""
    match state:
        case State.SCHEDULED | State.RETRYING:
            return [Branch(state, "due_ms", DUE_LATER)]
        case State.QUEUED:
            ready = [Branch(state, "due_ms", f"{READY} AND lane = %s", (lane,)) for lane in lanes]
            return [*ready, Branch(state, "due_ms", SUSPECT)]
        case State.RUNNING:
            return [Branch(state, "start_ms", RUNNING)]
        case _:
            return [Branch(state, "finish_ms", DONE)]


class Listing:
    """The statements that answer a query about one queue, each with its parameters."""

    def __init__(self, queue: str, query: Query, lanes: Sequence[str]) -> None:
        self._queue = queue
        self._query = query
        self._lanes = lanes

    def page(self) -> tuple[str, list[Any]]:
        """The keys of the page's rows, newest first."""
        found, params = self._found(NEWEST)
        page = f"SELECT found.id FROM {found} ORDER BY shown_ms DESC, found.id DESC LIMIT %s OFFSET %s"  # noqa: S608
        return page, [*params, self._query.limit, self._query.offset]

    def count(self) -> tuple[str, list[Any]]:
        """How many rows match among those that are scanned."""
        found, params = self._found(NEWEST if self._is_filtered else ANY)
        return f"SELECT COUNT(*) FROM {found}", params  # noqa: S608

    def errors(self) -> tuple[str, list[Any]]:
        """What each row failed with last, or is retried for; newest first."""
        scanned, params = self._each(NEWEST)
        terms, values = self._terms()
        where = f"WHERE {' AND '.join(terms)}" if terms else ""
        return ERRORS.format(scanned=scanned, where=where), [*params, *values]

    def more(self) -> tuple[str, list[Any]]:
        """One row for each index that has more rows than are scanned."""
        return self._each(MORE)

    @property
    def _is_filtered(self) -> bool:
        query = self._query
        return bool(query.task or query.text or query.since_ms or query.until_ms)

    def _found(self, part: str) -> tuple[str, list[Any]]:
        scanned, params = self._each(part)
        terms, values = self._terms()
        # what is only looked into for a filter is not carried through the sort
        job = "JOIN ardiq_job AS job ON job.id = found.id" if self._query.task or self._query.text else ""
        where = f"WHERE {' AND '.join(terms)}" if terms else ""
        return f"({scanned}) AS found {job} {where}", [*params, *values]

    def _each(self, part: str) -> tuple[str, list[Any]]:
        found = [branch for state in self._query.states for branch in branches(state, self._lanes)]
        # times bound what is scanned, not what was: so they lead to rows that are older than the newest
        terms, times = self._times()
        parts = [
            part.format(
                shown=one.shown,
                condition=one.condition + "".join(f" AND {one.shown} {term}" for term in terms),
                number=place,
            )
            for place, one in enumerate(found)
        ]
        return " UNION ALL ".join(parts), [
            value for one in found for value in (self._queue, one.state.value, *one.values, *times)
        ]

    def _times(self) -> tuple[list[str], list[int]]:
        bounds = {">= %s": self._query.since_ms, "< %s": self._query.until_ms}
        given = {term: ms for term, ms in bounds.items() if ms}
        return list(given), list(given.values())

    def _terms(self) -> tuple[list[str], list[Any]]:
        query, terms, params = self._query, list[str](), list[Any]()
        if query.task:
            terms.append("job.task = %s")
            params.append(query.task[:255])
        if query.text:
            like = "%" + query.text.lower().replace("!", "!!").replace("%", "!%").replace("_", "!_") + "%"
            terms.append("(LOWER(job.job_id) LIKE %s ESCAPE '!' OR LOWER(job.task) LIKE %s ESCAPE '!')")
            params += [like, like]
        return terms, params
