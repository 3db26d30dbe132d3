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

    def now_ms(self) -> int:
        """Epoch milliseconds."""
        return now_ms() + self.ahead_ms

    async def read(self) -> float:
        """Ask the broker for its time; returns how many seconds the answer took."""
        asked_s, asked_ms = time.monotonic(), now_ms()
        told_ms = await self._broker.now_ms()
        took_s = time.monotonic() - asked_s
        ahead_ms = told_ms - asked_ms - round(took_s * 500)
        # a difference that the way there and back may explain is none
        self.ahead_ms = ahead_ms if abs(ahead_ms) > took_s * 500 + 1 else 0
        return took_s
