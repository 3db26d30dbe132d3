"""What keeps a worker from spinning on jobs that wait but may not be claimed now, such as those of a capped lane."""

import asyncio
import time

FIRST_S, LONGEST_S = 0.001, 0.05
LONG_SLEEP_S = 0.03


class Restraint:
    """Each wake-up that comes soon and brings nothing doubles the pause before the next sleep; any other ends it."""

    def __init__(self) -> None:
        self._pause_s = 0.0
        self._fell_asleep_s: float | None = None  # by time.monotonic(); None once it is known what the sleep brought

    async def pause(self) -> None:
        """To be awaited before each sleep."""
        if self._pause_s:
            await asyncio.sleep(self._pause_s)
        self._fell_asleep_s = time.monotonic()

    def woke(self, has_found: bool) -> None:
        """Whether the turn after a sleep brought anything; one that no sleep came before says nothing."""
        if self._fell_asleep_s is None:
            return
        slept_s, self._fell_asleep_s = time.monotonic() - self._fell_asleep_s, None
        is_wanted = has_found or slept_s > LONG_SLEEP_S
        self._pause_s = 0.0 if is_wanted else min(LONGEST_S, max(FIRST_S, 2 * self._pause_s))
