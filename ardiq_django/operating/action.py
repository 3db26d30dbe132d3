"""What can be done to many jobs at once, and in which words it is told."""

from collections.abc import Callable, Coroutine, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from ardiq_django.brokers.base import Broker
from ardiq_django.results import State
from ardiq_django.states import TABLE, Verb, apply
from ardiq_django.wire import Answer

BATCH = 500  # jobs of one call


@dataclass(frozen=True, slots=True)
class Action:
    """A verb of the broker that takes ids."""

    name: str
    doing: str
    done: str
    verb: Verb
    call: Callable[[Broker, Sequence[str]], Coroutine[Any, Any, list[Answer]]]
    only: tuple[State, ...] = tuple(State)

    @property
    def states(self) -> tuple[State, ...]:
        """Those it takes jobs from."""
        return tuple(state for state in self.only if state in TABLE[self.verb])

    def foresee(self, state: State | None) -> Answer:
        """What it would answer for a job in this state."""
        return apply(self.verb, state)[0]

    def batches(self, broker: Broker, ids: Sequence[str]) -> Iterator[list[Answer]]:
        """Do it; one answer for each id, a batch at a time."""
        for first in range(0, len(ids), BATCH):
            yield broker.run_sync(self.call(broker, ids[first : first + BATCH]))


RETRY = Action("retry", "retrying", "retried", Verb.REPLAY, lambda broker, ids: broker.replay(ids))
ABORT = Action("abort", "aborting", "aborted", Verb.ABORT, lambda broker, ids: broker.abort(ids))
PURGE = Action("purge", "purging", "purged", Verb.DELETE, lambda broker, ids: broker.delete(ids))
RUN_NOW = Action(
    "run-now", "making due", "made due", Verb.RESCHEDULE,
    lambda broker, ids: broker.reschedule(ids, 0), only=(State.SCHEDULED, State.RETRYING),
)  # fmt: skip
ACTIONS = {action.name: action for action in (RETRY, ABORT, PURGE)}
