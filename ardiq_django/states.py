"""The life of a job, as data: from which state a verb leads where, and what it answers.

The memory broker interprets this table; the Lua scripts and the SQL are held to it by the contract suite.
A verb that is not listed for a state changes nothing and answers `stale`; for an unknown job it answers `gone`.
"""

from enum import StrEnum

from ardiq_django.results import ENDED, State
from ardiq_django.wire import Aborted, Answer, Failed, Outcome, Released, Requeued, Retrying, Succeeded


class Verb(StrEnum):
    """The arrows of the state machine."""

    PROMOTE = "promote"  # its time has come
    CLAIM = "claim"
    SUCCEED = "succeed"
    FAIL = "fail"
    RETRY = "retry"
    REQUEUE = "requeue"
    RELEASE = "release"
    CANCEL = "cancel"  # a worker's word that the running attempt was aborted
    LAPSE = "lapse"  # the lease is over
    BURY = "bury"  # the lease is over and the crash budget too
    ABORT = "abort"  # somebody's wish; a running job is told and stays running until its worker cancels it
    EXPIRE = "expire"
    REPLAY = "replay"
    RESCHEDULE = "reschedule"
    AMEND = "amend"  # another call or lane, while it waits
    DELETE = "delete"


S = State
WAITING = (S.SCHEDULED, S.RETRYING, S.QUEUED)

# verb → state before → state after
TABLE: dict[Verb, dict[State, State | None]] = {
    Verb.PROMOTE: {S.SCHEDULED: S.QUEUED, S.RETRYING: S.QUEUED},
    Verb.CLAIM: {S.QUEUED: S.RUNNING},
    Verb.SUCCEED: {S.RUNNING: S.SUCCEEDED},
    Verb.FAIL: {S.RUNNING: S.FAILED},
    Verb.RETRY: {S.RUNNING: S.RETRYING},
    Verb.REQUEUE: {S.RUNNING: S.SCHEDULED},
    Verb.RELEASE: {S.RUNNING: S.QUEUED},
    Verb.CANCEL: {S.RUNNING: S.ABORTED},
    Verb.LAPSE: {S.RUNNING: S.QUEUED},
    Verb.BURY: {S.RUNNING: S.FAILED},
    Verb.ABORT: {**dict.fromkeys(WAITING, S.ABORTED), S.RUNNING: S.RUNNING},
    Verb.EXPIRE: {S.SCHEDULED: S.EXPIRED, S.QUEUED: S.EXPIRED},
    Verb.REPLAY: {S.FAILED: S.QUEUED, S.ABORTED: S.QUEUED, S.EXPIRED: S.QUEUED},
    Verb.RESCHEDULE: {S.SCHEDULED: S.SCHEDULED, S.QUEUED: S.SCHEDULED, S.RETRYING: S.RETRYING},
    Verb.AMEND: {state: state for state in WAITING},
    Verb.DELETE: {**dict.fromkeys(WAITING), **dict.fromkeys(ENDED)},
}

# verb → states in which it has plainly been done before
REPEATS: dict[Verb, frozenset[State]] = {
    Verb.ABORT: frozenset({S.ABORTED}),
    Verb.REPLAY: frozenset({S.QUEUED}),
}


def apply(verb: Verb, state: State | None, abort_asked: bool = False) -> tuple[Answer, State | None]:
    """What `verb` answers for a job in `state` (None: unknown), and the state after it (None: gone).

    An abort that a running job was told holds: where its attempt would lead to another one, the job ends instead.
    """
    if state is None:
        return Answer.GONE, None
    if state in TABLE[verb]:
        after = TABLE[verb][state]
        return Answer.DONE, S.ABORTED if abort_asked and after in WAITING else after
    return (Answer.ALREADY if state in REPEATS.get(verb, ()) else Answer.STALE), state


def verb_of(outcome: Outcome) -> Verb:
    """The arrow an outcome takes."""
    return _VERBS[type(outcome)]


_VERBS: dict[type, Verb] = {
    Succeeded: Verb.SUCCEED,
    Failed: Verb.FAIL,
    Aborted: Verb.CANCEL,
    Retrying: Verb.RETRY,
    Requeued: Verb.REQUEUE,
    Released: Verb.RELEASE,
}
