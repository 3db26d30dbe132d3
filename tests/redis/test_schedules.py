"""Ten thousand schedules: what is due is found by its time, in a number of commands that does not grow with them."""

from typing import Any

from ardiq_django.plan import Planned, PlanOptions, When, plan_of
from tests.contract.keep import Keep

MANY = 10_000
DUE = 20


async def planned(keep: Keep) -> None:
    now, options = await keep.broker.now_ms(), PlanOptions()
    rows = []
    for number in range(MANY):
        when = When(at_ms=now - 1 if number < DUE else now + 36_000_000 + number)
        rows.append(Planned.new(plan_of(f"s{number}", keep.job(), when, options, now), now))
    await keep.broker.schedules.plan(rows)


async def commands(server: Any) -> int:
    """How many commands the server has run since it was asked last, those of scripts among them."""
    stats = await server.info("commandstats")
    await server.config_resetstat()
    counted = {
        name: one["calls"] for name, one in stats.items() if not name.startswith(("cmdstat_config", "cmdstat_info"))
    }
    return sum(counted.values())


async def test_what_is_due_is_found_without_reading_the_others(keep: Keep, server: Any) -> None:
    await planned(keep)
    await keep.broker.schedules.due(1)
    await commands(server)

    rows = await keep.broker.schedules.due(200)
    looked = await commands(server)
    fired = await keep.broker.schedules.fire([row.firing(await keep.broker.now_ms(), 10) for row in rows])
    done = await commands(server)

    assert len(rows) == DUE
    assert fired == [True] * DUE
    assert looked <= DUE + 5  # one for each that is due
    assert done <= 15 * DUE
    assert await keep.broker.schedules.due(200) == []
