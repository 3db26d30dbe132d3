"""The broker's clock, as told by this host's."""

import time
from typing import TYPE_CHECKING

from ardiq_django.clock import now_ms

if TYPE_CHECKING:
    from ardiq_django.brokers import Broker


class BrokerClock:
    """What a worker writes down of its attempts is by the broker's clock: a result is kept for so long from there, and
    a host whose clock is wrong would let it vanish at once."""

    def __init__(self, broker: "Broker") -> None:
        self._broker = broker
        self.ahead_ms = 0  # of this host's clock
        self.leapt_s = 0.0  # how much more time than here passed at the broker between the last two readings
        self._read_s = self._told_s = 0.0

    def now_ms(self) -> int:
        """Epoch milliseconds."""
        return now_ms() + self.ahead_ms

    async def read(self) -> float:
        """Ask the broker for its time; returns how many seconds the answer took."""
        asked_s, asked_ms = time.monotonic(), now_ms()
        told_ms = await self._broker.now_ms()
        took_s = time.monotonic() - asked_s
        self._look_for_leaps(asked_s, told_ms / 1000)
        ahead_ms = told_ms - asked_ms - round(took_s * 500)
        # a difference that the way there and back may explain is none
        self.ahead_ms = ahead_ms if abs(ahead_ms) > took_s * 500 + 1 else 0
        return took_s

    def _look_for_leaps(self, read_s: float, told_s: float) -> None:
        # a clock that was set, or a machine that was suspended: time.monotonic knows of neither
        if self._read_s:
            self.leapt_s = (told_s - self._told_s) - (read_s - self._read_s)
        self._read_s, self._told_s = read_s, told_s
