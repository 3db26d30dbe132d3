"""How many workers of a queue run its suspects at a time, and when one more may."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Clearing:
    """What one worker of a queue has to know of the others. Who is chosen either clears: it runs a suspect, alone; or
    it drains: it has yet to finish what it holds."""

    living: int  # workers, with itself
    clearing: int  # others of them
    draining: int  # others
    suspects: int  # that wait

    def has_room(self, *, holds_any: bool) -> bool:
        """Whether this worker may begin to clear, or if it holds anything, to drain or go on with that.

        Who holds nothing need not mind those who drain: the one too many is no longer chosen at its next turn."""
        room = max(1, self.living // 2) - self.clearing
        return self.draining < min(room, self.suspects) if holds_any else min(room, self.suspects) > 0

    def is_worth_a_turn(self, draining: bool | None, *, holds_any: bool, finds_others: bool) -> bool:
        """Whether a worker may get or change anything; `draining` is None if it is not chosen, and `finds_others` if
        there are jobs without crashes."""
        if draining is None:
            return finds_others or self.has_room(holds_any=holds_any)
        is_too_many = draining and not self.has_room(holds_any=True)
        return not holds_any or (is_too_many and finds_others)
