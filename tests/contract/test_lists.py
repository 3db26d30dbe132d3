"""What the admin sees: one job, how many there are, and which."""

import pytest
from msgspec import structs

from ardiq_django.results import State
from ardiq_django.snapshot import Query
from ardiq_django.wire import Failed
from tests.contract.keep import Keep
from tests.contract.makers import cancelled, failure, retrying, success

HOUR_MS = 3_600_000


async def one_in_each_state(keep: Keep) -> dict[State, str]:
    """A job in every state there is, each of a task named after it."""
    jobs = {State.EXPIRED: (await keep.put(expire_ms=1_000, task="t.expired")).id}
    keep.travel(2_000)
    await keep.broker.sweep()
    worker = await keep.worker()
    for state in (State.SUCCEEDED, State.FAILED, State.ABORTED, State.RETRYING, State.RUNNING):
        jobs[state] = (await keep.put(task=f"t.{state}")).id
    a, b, c, d, _ = await worker.claim(5)
    await worker.settle(success(a), failure(b), cancelled(c), retrying(d, 60_000))
    jobs[State.QUEUED] = (await keep.put(task="t.queued")).id
    jobs[State.SCHEDULED] = (await keep.put(task="t.scheduled", delay_ms=60_000)).id
    return jobs


async def ended_hourly(keep: Keep, number: int) -> list[str]:
    """Jobs that succeeded an hour apart, the newest last."""
    done = []
    for _ in range(number):
        worker, delivery = await keep.running()
        await worker.settle(success(delivery, finish_ms=keep.now_ms))
        await worker.leave()
        keep.travel(HOUR_MS)
        done.append(delivery.job.id)
    return done


async def test_an_empty_queue_has_nothing_to_show(keep: Keep) -> None:
    page = await keep.broker.page(Query())

    assert (list(page.rows), page.total, page.capped) == ([], 0, False)
    assert await keep.broker.counts() == dict.fromkeys(State, 0)
    assert await keep.broker.size() == 0
    assert await keep.broker.get("never-enqueued") is None


async def test_each_state_is_counted(keep: Keep) -> None:
    await one_in_each_state(keep)

    counts = await keep.second().counts()

    assert counts == dict.fromkeys(State, 1)


async def test_the_size_is_what_waits(keep: Keep) -> None:
    await one_in_each_state(keep)

    assert await keep.second().size() == 3


@pytest.mark.parametrize("state", State)
async def test_each_state_is_listed(keep: Keep, state: State) -> None:
    jobs = await one_in_each_state(keep)

    page = await keep.broker.page(Query(states=[state]))

    (row,) = page.rows
    assert (row.job.id, row.state, row.job.task) == (jobs[state], state, f"t.{state}")
    assert page.total == 1


async def test_without_a_filter_all_are_listed(keep: Keep) -> None:
    jobs = await one_in_each_state(keep)

    page = await keep.broker.page(Query())

    assert {row.job.id for row in page.rows} == set(jobs.values())
    assert page.total == 8


async def test_some_states_are_listed_together(keep: Keep) -> None:
    jobs = await one_in_each_state(keep)
    asked = (State.FAILED, State.ABORTED, State.RETRYING)

    page = await keep.broker.page(Query(states=asked))

    assert {row.job.id for row in page.rows} == {jobs[state] for state in asked}
    assert page.total == 3


@pytest.mark.parametrize("state", State)
async def test_a_row_says_the_same_as_the_job_itself(keep: Keep, state: State) -> None:
    jobs = await one_in_each_state(keep)

    (row,) = (await keep.broker.page(Query(states=[state]))).rows

    alone = await keep.get(jobs[state])
    assert (row.state, row.tries, row.crashes, row.due_ms) == (alone.state, alone.tries, alone.crashes, alone.due_ms)
    assert (row.worker, row.start_ms) == (alone.worker, alone.start_ms)
    assert (row.end and row.end.finish_ms) == (alone.end and alone.end.finish_ms)
    assert (row.end and row.end.reason) == (alone.end and alone.end.reason)


async def test_ended_jobs_are_listed_newest_end_first(keep: Keep) -> None:
    done = await ended_hourly(keep, 4)

    listed = await keep.listed(Query(states=[State.SUCCEEDED]))

    assert listed == done[::-1]


async def test_running_jobs_are_listed_newest_start_first(keep: Keep) -> None:
    started = []
    for name in ("anna", "bert", "carl"):
        started.append((await keep.running(name))[1].job.id)
        keep.travel(5_000)

    listed = await keep.listed(Query(states=[State.RUNNING]))

    assert listed == started[::-1]


async def test_queued_jobs_are_listed_newest_first(keep: Keep) -> None:
    queued = []
    for _ in range(3):
        queued.append((await keep.put()).id)
        keep.travel(5_000)

    listed = await keep.listed(Query(states=[State.QUEUED]))

    assert listed == queued[::-1]


async def test_scheduled_jobs_are_listed_latest_due_first(keep: Keep) -> None:
    near, far, mid = [await keep.put(delay_ms=ms) for ms in (10_000, 90_000, 50_000)]

    listed = await keep.listed(Query(states=[State.SCHEDULED]))

    assert listed == [far.id, mid.id, near.id]


async def test_states_are_merged_by_time(keep: Keep) -> None:
    (done,) = await ended_hourly(keep, 1)
    queued = await keep.put()
    scheduled = await keep.put(delay_ms=60_000)

    listed = await keep.listed(Query(states=[State.SUCCEEDED, State.QUEUED, State.SCHEDULED]))

    assert listed == [scheduled.id, queued.id, done]


async def test_a_page_begins_and_ends_where_it_is_told(keep: Keep) -> None:
    done = (await ended_hourly(keep, 5))[::-1]

    pages = [await keep.broker.page(Query(states=[State.SUCCEEDED], offset=offset, limit=2)) for offset in (0, 2, 4, 6)]

    assert [[row.job.id for row in page.rows] for page in pages] == [done[:2], done[2:4], done[4:], []]
    assert [page.total for page in pages] == [5, 5, 5, 5]


@pytest.mark.parametrize("state", [State.QUEUED, State.RUNNING, State.SUCCEEDED])
async def test_jobs_are_found_by_their_task(keep: Keep, state: State) -> None:
    mail = await keep.put_many(3, task="shop.mail")
    await keep.put_many(2, task="shop.mailing")
    worker = await keep.worker()
    if state is not State.QUEUED:
        deliveries = await worker.claim(5)
        if state is State.SUCCEEDED:
            await worker.settle(*map(success, deliveries))

    page = await keep.broker.page(Query(states=[state], task="shop.mail", limit=2))

    everything = await keep.listed(Query(states=[state], task="shop.mail"))
    assert set(everything) == {job.id for job in mail}
    assert (len(page.rows), page.total) == (2, 3)


@pytest.mark.parametrize("text", ["invoice", "INVOICE", "voi", "order-7", "shop.Invoice"])
async def test_jobs_are_found_by_a_part_of_their_task_or_id(keep: Keep, text: str) -> None:
    job = await keep.put(id="order-7", task="shop.Invoice")
    await keep.put(id="order-8", task="shop.mail")

    page = await keep.broker.page(Query(text=text))

    assert [row.job.id for row in page.rows] == [job.id]
    assert page.total == 1


@pytest.mark.parametrize("text", ["%", "_", "*", ".*", "\\", "["])
async def test_a_text_is_only_text(keep: Keep, text: str) -> None:
    job = await keep.put(id=f"a{text}b")
    await keep.put(id="axxb", task="shop mail")

    listed = await keep.listed(Query(text=f"a{text}"))

    assert listed == [job.id]


async def test_ended_jobs_are_found_by_text(keep: Keep) -> None:
    worker, delivery = await keep.running(id="order-7", task="shop.Invoice")
    other = await keep.put(id="order-8")
    await worker.settle(failure(delivery), failure(await worker.claim_one()))

    found = [await keep.listed(Query(states=[State.FAILED], text=text)) for text in ("invoice", "ORDER-8")]

    assert found == [[delivery.job.id], [other.id]]


async def test_jobs_are_found_by_their_time(keep: Keep) -> None:
    begun_ms = keep.now_ms
    done = await ended_hourly(keep, 5)
    half = HOUR_MS // 2

    since = await keep.broker.page(Query(states=[State.SUCCEEDED], since_ms=begun_ms + half))
    until = await keep.listed(Query(states=[State.SUCCEEDED], until_ms=begun_ms + 2 * HOUR_MS + half))
    between = await keep.listed(
        Query(states=[State.SUCCEEDED], since_ms=begun_ms + half, until_ms=begun_ms + 2 * HOUR_MS + half)
    )

    assert [row.job.id for row in since.rows] == done[:0:-1]
    assert since.total == 4
    assert until == [done[2], done[1], done[0]]
    assert between == [done[2], done[1]]


async def test_filters_hold_together(keep: Keep) -> None:
    jobs = await one_in_each_state(keep)

    by_task = await keep.listed(Query(task="t.failed"))
    wrong_state = await keep.listed(Query(states=[State.QUEUED], task="t.failed"))
    by_both = await keep.listed(Query(task="t.failed", text="fail"))
    wrong_text = await keep.listed(Query(task="t.failed", text="queue"))

    assert (by_task, wrong_state, by_both, wrong_text) == ([jobs[State.FAILED]], [], [jobs[State.FAILED]], [])


async def test_the_total_agrees_with_the_counts(keep: Keep) -> None:
    jobs = await keep.put_many(30)
    await keep.broker.abort([job.id for job in jobs[::3]])
    worker = await keep.worker()
    await worker.settle(*map(success, await worker.claim(7)))
    await keep.broker.replay([jobs[0].id])

    counts = await keep.broker.counts()

    totals = {state: (await keep.broker.page(Query(states=[state], limit=3))).total for state in State}
    assert totals == counts
    assert sum(counts.values()) == 30


async def test_the_broker_tells_what_a_crash_may_cost(keep: Keep) -> None:
    durability = await keep.broker.durability()

    assert len(durability.sentence) > 10


async def test_times_lead_to_jobs_beyond_the_newest_ten_thousand(keep: Keep) -> None:
    wanted = await keep.put_many(3, delay_ms=HOUR_MS)
    await keep.put_many(10_001, delay_ms=3 * HOUR_MS)
    now_ms = await keep.broker.now_ms()

    page = await keep.broker.page(Query(until_ms=now_ms + 2 * HOUR_MS))

    assert {row.job.id for row in page.rows} == {job.id for job in wanted}
    assert (page.total, page.capped) == (3, False)


async def test_jobs_are_told_with_what_they_failed_with_last(keep: Keep) -> None:
    made = await one_in_each_state(keep)

    found = await keep.broker.errors(Query(states=(State.FAILED, State.RETRYING)))

    told = {one.state: (one.job_id, one.task, one.error, one.message) for one in found.rows}
    assert told == {state: (made[state], f"t.{state}", "ValueError", "no") for state in (State.FAILED, State.RETRYING)}
    assert found.capped is False


async def test_errors_stand_in_the_order_of_the_page_and_are_narrowed_as_it_is(keep: Keep) -> None:
    worker = await keep.worker()
    for number in range(4):
        await keep.put(task="t.wanted" if number % 2 else "t.other")
        (delivery,) = await worker.claim(1)
        await worker.settle(failure(delivery, finish_ms=keep.now_ms + number))
    query = Query(states=(State.FAILED,), task="t.wanted")

    page, found = await keep.broker.page(query), await keep.broker.errors(query)

    assert [one.job_id for one in found.rows] == [row.job.id for row in page.rows]
    assert [one.shown_ms for one in found.rows] == [row.end.finish_ms for row in page.rows if row.end]
    assert len(found.rows) == 2


async def test_of_several_attempts_the_last_one_tells(keep: Keep) -> None:
    worker = await keep.worker()
    await keep.put()
    first = retrying(await worker.claim_one())
    await worker.settle(first)
    second = failure(await worker.claim_one())
    timed_out = structs.replace(second.attempt, event="timed out", error_type="", message="too long")
    await worker.settle(Failed(second.delivery, timed_out, second.reason, second.ttl_ms))

    (one,) = (await keep.broker.errors(Query(states=(State.FAILED,)))).rows

    assert (one.error, one.message) == ("timed out", "too long")
