"""Figures of what became of attempts: reported by workers, added once, kept in buckets of three lengths."""

import asyncio

import pytest

from ardiq_django.exceptions import LeaseLost
from ardiq_django.statistics import (
    BEGUN,
    FAILED,
    HOUR_MS,
    MINUTE_MS,
    MOST_TASKS,
    RUN,
    SUCCEEDED,
    Figures,
    Point,
    Resolution,
    cell_of,
    total,
)
from tests.contract.keep import LEASE_MS, Keep, soon

ONE = Figures({BEGUN: 1, SUCCEEDED: 1, RUN + cell_of(40): 1})
DAY_MS = 24 * HOUR_MS


async def series(keep: Keep, resolution: Resolution = Resolution.HOUR, task: str = "") -> list[Point]:
    """All that is shown of this resolution."""
    return await keep.second().series(resolution, 0, keep.now_ms + DAY_MS, task)


async def begun(keep: Keep, resolution: Resolution = Resolution.HOUR, task: str = "") -> int:
    return sum(point.figures.begun for point in await series(keep, resolution, task))


@pytest.mark.parametrize("resolution", Resolution)
async def test_what_is_reported_is_shown_in_every_resolution(keep: Keep, resolution: Resolution) -> None:
    worker = await keep.worker()
    told = Figures({BEGUN: 7, SUCCEEDED: 4, FAILED: 2, RUN + cell_of(40): 5, RUN + cell_of(9_000): 1})

    await keep.broker.report(worker.epoch, 1, {"shop.mail": told})

    (point,) = await series(keep, resolution)
    assert point.figures == told
    assert 0 <= keep.now_ms - point.start_ms < resolution.span_ms + MINUTE_MS
    assert point.start_ms % resolution.span_ms == 0


async def test_a_report_that_is_repeated_counts_once(keep: Keep) -> None:
    worker = await keep.worker()
    for number in (1, 1, 2, 2, 1):
        await keep.broker.report(worker.epoch, number, {"shop.mail": ONE})

    assert await begun(keep) == 2


async def test_a_report_that_is_repeated_later_changes_no_bucket(keep: Keep) -> None:
    worker = await keep.worker()
    await keep.broker.report(worker.epoch, 1, {"shop.mail": ONE})
    keep.travel(2 * HOUR_MS)

    await keep.second().report(worker.epoch, 1, {"shop.mail": ONE})

    assert [len(await series(keep, resolution)) for resolution in Resolution] == [1, 1, 1]


async def test_workers_add_up(keep: Keep) -> None:
    anna, bert = await keep.worker("anna"), await keep.worker("bert", keep.second())
    mail, sums = Figures({BEGUN: 2, RUN + 3: 2}), Figures({BEGUN: 5, RUN + 3: 1, RUN + 4: 4})

    await anna.broker.report(anna.epoch, 1, {"shop.mail": mail, "shop.sum": ONE})
    await bert.broker.report(bert.epoch, 1, {"shop.mail": sums})

    both = total(point.figures for point in await series(keep, task="shop.mail"))
    assert both == Figures({BEGUN: 7, RUN + 3: 3, RUN + 4: 4})
    assert (await begun(keep), await begun(keep, task="shop.sum")) == (8, 1)


async def test_reports_at_the_same_time_lose_nothing(keep: Keep) -> None:
    workers = [await keep.worker(str(number), keep.second()) for number in range(4)]
    told = {f"shop.task-{number}": ONE for number in range(5)}

    async def report(place: int) -> None:
        tasks = dict(sorted(told.items(), reverse=place % 2 == 0))
        for number in range(1, 6):
            await workers[place].broker.report(workers[place].epoch, number, tasks)

    await soon(asyncio.gather(*map(report, range(4))))

    assert await begun(keep) == 4 * 5 * 5
    assert await begun(keep, task="shop.task-3") == 4 * 5


async def test_all_resolutions_tell_the_same(keep: Keep) -> None:
    worker = await keep.worker()
    keep.travel(HOUR_MS - keep.now_ms % HOUR_MS + 1_000)  # a second into an hour
    for number in range(1, 6):
        await keep.broker.report(worker.epoch, number, {"shop.mail": Figures({BEGUN: number})})
        keep.travel(7 * MINUTE_MS)

    told = {
        resolution: [point.figures.begun for point in await series(keep, resolution, "shop.mail")]
        for resolution in Resolution
    }

    assert told == {Resolution.MINUTE: [1, 2, 3, 4, 5], Resolution.TEN: [3, 3, 9], Resolution.HOUR: [15]}


async def test_a_series_shows_the_buckets_that_have_a_part_in_its_time(keep: Keep) -> None:
    worker = await keep.worker()
    keep.travel(HOUR_MS - keep.now_ms % HOUR_MS + 1_000)
    hour = keep.now_ms - keep.now_ms % HOUR_MS
    for number in range(1, 5):
        await keep.broker.report(worker.epoch, number, {"shop.mail": ONE})
        keep.travel(MINUTE_MS)

    points = await keep.broker.series(Resolution.MINUTE, hour + MINUTE_MS + 59_000, hour + 3 * MINUTE_MS)

    assert [point.start_ms - hour for point in points] == [MINUTE_MS, 2 * MINUTE_MS]


async def test_totals_are_told_by_task(keep: Keep) -> None:
    worker = await keep.worker()
    await keep.broker.report(worker.epoch, 1, {"shop.mail": ONE, "shop.sum": ONE})
    keep.travel(10 * MINUTE_MS)
    await keep.broker.report(worker.epoch, 2, {"shop.mail": ONE})

    totals = await keep.broker.totals(Resolution.MINUTE, 0, keep.now_ms + 1)

    assert {task: figures.begun for task, figures in totals.items()} == {"shop.mail": 2, "shop.sum": 1}


async def test_a_bucket_names_so_many_tasks_and_sums_up_the_rest(keep: Keep) -> None:
    worker = await keep.worker()
    many = {f"task-{number:04}": ONE for number in range(MOST_TASKS)}
    await keep.broker.report(worker.epoch, 1, many)

    await keep.broker.report(worker.epoch, 2, {"one": ONE, "more": ONE, "task-0007": ONE, "": ONE})

    totals = await keep.broker.totals(Resolution.HOUR, 0, keep.now_ms + DAY_MS)
    assert totals.keys() - many.keys() == {""}
    assert len(totals) == MOST_TASKS + 1
    assert (totals[""].begun, totals["task-0007"].begun) == (3, 2)


@pytest.mark.parametrize("resolution", Resolution)
async def test_a_sweep_leaves_what_is_kept_and_nothing_older_is_shown(keep: Keep, resolution: Resolution) -> None:
    worker = await keep.worker()
    await keep.broker.report(worker.epoch, 1, {"shop.mail": ONE})
    keep.travel(resolution.kept_ms - 1_000)
    await keep.broker.sweep()
    kept = await begun(keep, resolution)

    keep.travel(resolution.span_ms + 1_000)
    await keep.broker.sweep()

    assert (kept, await begun(keep, resolution)) == (1, 0)


async def test_nobody_reports_in_an_epoch_that_is_over(keep: Keep) -> None:
    anna, bert = await keep.worker("anna"), await keep.worker("bert")
    await anna.leave()
    keep.outlast_lease()
    await keep.broker.reap()

    for epoch in ("never-registered", anna.epoch, bert.epoch):
        with pytest.raises(LeaseLost):
            await keep.broker.report(epoch, 1, {"shop.mail": ONE})

    assert await series(keep) == []


async def test_a_report_does_not_renew_the_lease(keep: Keep) -> None:
    worker = await keep.worker()
    keep.travel(LEASE_MS - 1_000)
    await keep.broker.report(worker.epoch, 1, {"shop.mail": ONE})
    keep.travel(2_000)

    await keep.broker.reap()

    assert await keep.broker.workers() == []


async def test_queues_are_told_apart(keep: Keep) -> None:
    other = Keep(keep.address)
    worker, elsewhere = await keep.worker(), await other.worker()

    await keep.broker.report(worker.epoch, 1, {"shop.mail": ONE})
    await other.broker.report(elsewhere.epoch, 1, {"shop.mail": ONE})

    assert (await begun(keep), await begun(other)) == (1, 1)
    await other.close()
