"""The broker's clock, which decides what is due and what is over."""

from ardiq_django.clock import now_ms
from tests.contract.keep import Keep


async def test_the_clock_is_in_epoch_milliseconds_and_travels(keep: Keep) -> None:
    before = await keep.broker.now_ms()

    keep.travel(3_600_000)

    assert abs(before - now_ms()) < 60_000
    assert 3_600_000 <= await keep.broker.now_ms() - before < 3_660_000
