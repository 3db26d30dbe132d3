"""Lists longer than the window, and records that cannot be read."""

from typing import Any

from ardiq_django.results import State
from ardiq_django.snapshot import SCANNED, Query
from ardiq_django.wire import Answer
from tests.contract.keep import RUBBISH, Keep
from tests.contract.makers import success

QUEUED = (State.QUEUED,)


async def test_a_list_shows_its_newest_and_says_that_there_are_more(keep: Keep) -> None:
    await keep.put_many(50, task="shop.old", enqueued_ms=1_000)
    await keep.put_many(SCANNED, task="shop.new", enqueued_ms=2_000)

    new, old = [await keep.broker.page(Query(QUEUED, task=task, limit=5)) for task in ("shop.new", "shop.old")]
    everything = await keep.broker.page(Query(QUEUED, limit=5))

    assert (len(new.rows), new.total, new.capped) == (5, SCANNED, True)
    assert (len(old.rows), old.total, old.capped) == (0, 0, True)
    assert ({row.job.task for row in everything.rows}, everything.total) == ({"shop.new"}, SCANNED)
    assert everything.capped
    assert (await keep.broker.counts())[State.QUEUED] == SCANNED + 50


async def test_the_last_page_of_the_window_is_the_last(keep: Keep) -> None:
    await keep.put_many(SCANNED + 3)

    last, beyond = [await keep.broker.page(Query(QUEUED, offset=offset)) for offset in (SCANNED - 2, SCANNED)]

    assert (len(last.rows), len(beyond.rows)) == (2, 0)


async def test_aborted_jobs_still_in_their_lane_are_not_listed(keep: Keep) -> None:
    jobs = await keep.put_many(4)
    await keep.broker.abort([jobs[1].id])
    await keep.broker.reschedule([jobs[2].id], keep.now_ms + 60_000)

    page = await keep.broker.page(Query(QUEUED))

    assert {row.job.id for row in page.rows} == {jobs[0].id, jobs[3].id}
    assert page.total == 2


async def test_a_page_is_full_though_the_newest_were_aborted(keep: Keep) -> None:
    jobs = await keep.put_many(30)
    await keep.broker.abort([job.id for job in jobs[10:]])

    page = await keep.broker.page(Query(QUEUED, limit=5))

    assert [row.job.id for row in page.rows] == [job.id for job in reversed(jobs[5:10])]
    assert page.total == 10


async def test_a_record_nobody_can_read_is_shown_and_can_be_removed(keep: Keep, server: Any) -> None:
    worker, delivery = await keep.running(task="shop.spoilt")
    await worker.settle(success(delivery))
    job_id = delivery.job.id
    await server.set(f"ardiq:{{{keep.rules.queue}}}:end:{job_id}", RUBBISH, px=60_000)

    page = await keep.broker.page(Query())

    (row,) = page.rows
    assert row.job.id == job_id
    assert row.end is not None
    assert "cannot be decoded" in row.end.reason
    assert await keep.broker.delete([job_id]) == [Answer.DONE]
    assert await keep.broker.get(job_id) is None


async def test_a_record_that_went_before_its_place_in_the_list_is_left_out(keep: Keep, server: Any) -> None:
    worker, delivery = await keep.running()
    await worker.settle(success(delivery))
    await server.delete(f"ardiq:{{{keep.rules.queue}}}:end:{delivery.job.id}")

    page = await keep.broker.page(Query())

    assert list(page.rows) == []
