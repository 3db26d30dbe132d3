"""Schedules kept in the broker: stored, found when their time has come, fired once each."""

import asyncio
from typing import Any

from ardiq_django.plan import Plan, Planned, PlanOptions, When, plan_of
from ardiq_django.results import State
from ardiq_django.wire import Answer, Firing
from tests.contract.keep import Keep, ids
from tests.contract.makers import success

EVERY_MS = 60_000
AT_MOST = 100


def a_plan(keep: Keep, schedule_id: str = "weekly", every_s: float = 60, at_ms: int = 0, **fields: Any) -> Plan:
    """A plan of a job with these fields."""
    options = PlanOptions(coalesce=fields.pop("coalesce", False), misfire=fields.pop("misfire", None))
    fields |= {"depends_on": [], "limits": []}  # as they are read back
    when = When(at_ms=at_ms) if at_ms else When.interval(every_s, options)
    return plan_of(schedule_id, keep.job(**fields), when, options, keep.now_ms)


async def put(keep: Keep, schedule_id: str = "weekly", **fields: Any) -> Planned:
    """A schedule that was planned now."""
    row = Planned.new(a_plan(keep, schedule_id, **fields), await keep.broker.now_ms())
    assert await keep.broker.schedules.plan([row]) == [True]
    return row


async def due(keep: Keep) -> list[str]:
    return [row.plan.id for row in await keep.broker.schedules.due(AT_MOST)]


async def firings(keep: Keep) -> list[Firing]:
    now = await keep.broker.now_ms()
    return [row.firing(now, AT_MOST) for row in await keep.broker.schedules.due(AT_MOST)]


async def fire(keep: Keep) -> list[bool]:
    """Let everything fire that is due."""
    return await keep.broker.schedules.fire(await firings(keep))


async def test_a_schedule_is_kept_as_it_was_planned(keep: Keep) -> None:
    row = await put(keep, "größe: {a}*", lane="high", labels={"team": 7}, call=b"\x92\x91\x05\x80")

    found = await keep.second().schedules.get("größe: {a}*")

    assert found == row
    assert (found.mark_ms, found.is_enabled, found.fired_ms, found.last_job) == (row.mark_ms, True, 0, "")
    assert dict(found.plan.job.labels) == {"team": 7, "schedule_id": "größe: {a}*"}


async def test_an_unknown_schedule_is_none(keep: Keep) -> None:
    assert await keep.broker.schedules.get("weekly") is None


async def test_nothing_of_nothing(keep: Keep) -> None:
    schedules = keep.broker.schedules

    assert await schedules.plan([]) == []
    assert await schedules.unplan([]) == []
    assert await schedules.due(10) == []
    assert await schedules.fire([]) == []


async def test_a_schedule_is_due_when_its_time_has_come(keep: Keep) -> None:
    await put(keep)
    early = await due(keep)

    keep.travel(EVERY_MS)

    assert early == []
    assert await due(keep) == ["weekly"]
    assert await due(keep) == ["weekly"]  # until it has fired


async def test_the_longest_waiting_come_first_and_no_more_than_asked_for(keep: Keep) -> None:
    now = await keep.broker.now_ms()
    for number in (3, 1, 2):
        await put(keep, f"s{number}", at_ms=now + number * 1_000)

    keep.travel(EVERY_MS)

    assert [row.plan.id for row in await keep.broker.schedules.due(2)] == ["s1", "s2"]


async def test_what_fires_is_enqueued_and_goes_on(keep: Keep) -> None:
    row = await put(keep, lane="high", labels={"team": 7})
    keep.travel(EVERY_MS)

    fired = await fire(keep)

    assert fired == [True]
    assert await due(keep) == []
    (delivery,) = await (await keep.worker()).claim(5)
    assert (delivery.job.id, delivery.job.lane, delivery.job.task) == (
        f"cron:weekly:{row.next_ms}",
        "high",
        "shop.tasks.mail",
    )
    assert dict(delivery.job.labels) == {"team": 7, "schedule_id": "weekly"}
    after = await keep.broker.schedules.get("weekly")
    assert after == Planned(row.plan, row.next_ms, row.next_ms + EVERY_MS, row.next_ms)
    assert after.last_job == delivery.job.id


async def test_many_hosts_at_once_fire_it_once(keep: Keep) -> None:
    await put(keep)
    keep.travel(EVERY_MS)
    brokers = [keep.broker, keep.second()] * 4
    found = await firings(keep)

    fired = await asyncio.gather(*(broker.schedules.fire(found) for broker in brokers))

    assert sorted(answer for answers in fired for answer in answers) == [False] * 7 + [True]
    assert await keep.broker.size() == 1


async def test_a_firing_is_not_repeated_after_its_job_ended_and_went(keep: Keep) -> None:
    await put(keep)
    keep.travel(EVERY_MS)
    found = await firings(keep)
    await keep.broker.schedules.fire(found)
    worker = await keep.worker()
    delivery = await worker.claim_one()
    await worker.settle(success(delivery))
    await keep.broker.delete([delivery.job.id])

    again = await keep.second().schedules.fire(found)

    assert again == [False]
    assert await keep.broker.size() == 0


async def test_a_schedule_that_is_cancelled_never_fires_again(keep: Keep) -> None:
    await put(keep)
    keep.travel(EVERY_MS)
    found = await firings(keep)

    answers = await keep.broker.schedules.unplan(["weekly", "monthly"])

    assert answers == [Answer.DONE, Answer.GONE]
    assert await keep.second().schedules.fire(found) == [False]
    assert await keep.broker.size() == 0
    assert await due(keep) == []
    assert await keep.broker.schedules.unplan(["weekly"]) == [Answer.GONE]


async def test_what_was_cancelled_and_planned_anew_does_not_fire_the_old_job(keep: Keep) -> None:
    row = await put(keep)
    keep.travel(EVERY_MS)
    found = await firings(keep)
    await keep.broker.schedules.unplan(["weekly"])
    again = Planned(a_plan(keep, call=b"\x92\x91\x05\x80"), row.mark_ms, row.next_ms)

    created = await keep.broker.schedules.plan([again])

    assert created == [True]
    assert await keep.broker.schedules.fire(found) == [False]
    assert await fire(keep) == [True]
    (delivery,) = await (await keep.worker()).claim(5)
    assert delivery.job.call == b"\x92\x91\x05\x80"


async def test_planned_again_at_the_same_times_it_goes_on_where_it_was(keep: Keep) -> None:
    row = await put(keep)
    keep.travel(EVERY_MS)
    await fire(keep)
    keep.travel(EVERY_MS)
    again = Planned.new(a_plan(keep, lane="low"), await keep.broker.now_ms())

    created = await keep.second().schedules.plan([again, again])

    assert created == [False, False]
    found = await keep.broker.schedules.get("weekly")
    assert found == Planned(again.plan, row.next_ms, row.next_ms + EVERY_MS, row.next_ms)
    assert await fire(keep) == [True]
    assert sorted(one.job.lane for one in await (await keep.worker()).claim(5)) == ["default", "low"]


async def test_planned_again_at_other_times_it_begins_anew(keep: Keep) -> None:
    row = await put(keep)
    keep.travel(EVERY_MS)
    await fire(keep)
    keep.travel(EVERY_MS)
    again = Planned.new(a_plan(keep, every_s=3600), await keep.broker.now_ms())

    created = await keep.broker.schedules.plan([again])

    assert created == [False]
    assert await keep.broker.schedules.get("weekly") == Planned(again.plan, again.mark_ms, again.next_ms, row.next_ms)
    assert await due(keep) == []


async def test_one_that_fires_once_is_removed_with_it(keep: Keep) -> None:
    at_ms = await keep.broker.now_ms() + EVERY_MS
    await put(keep, at_ms=at_ms)
    keep.travel(3 * EVERY_MS)

    fired = await fire(keep)

    assert fired == [True]
    assert await keep.broker.schedules.get("weekly") is None
    assert ids(await (await keep.worker()).claim(5)) == [f"cron:weekly:{at_ms}"]


async def test_one_that_is_disabled_does_not_fire_until_it_is_enabled(keep: Keep) -> None:
    row = await put(keep)
    keep.travel(EVERY_MS)
    found = await firings(keep)
    schedules = keep.broker.schedules

    disabled = await schedules.replan("weekly", row.mark_ms, 0)
    quiet = [await due(keep), await schedules.fire(found)]
    seen = await schedules.get("weekly")
    enabled = await keep.second().schedules.replan("weekly", row.mark_ms, row.next_ms)

    assert (disabled, quiet, enabled) == (Answer.DONE, [[], [False]], Answer.DONE)
    assert seen is not None
    assert not seen.is_enabled
    assert await fire(keep) == [True]
    assert await keep.broker.size() == 1


async def test_one_that_is_disabled_stays_so_when_it_is_planned_again(keep: Keep) -> None:
    row = await put(keep)
    schedules = keep.broker.schedules
    await schedules.replan("weekly", row.mark_ms, 0)

    await schedules.plan([Planned.new(a_plan(keep), row.mark_ms)])
    await schedules.plan([Planned.new(a_plan(keep, every_s=1), row.mark_ms)])

    keep.travel(EVERY_MS)
    assert await due(keep) == []


async def test_an_unknown_schedule_cannot_be_replanned(keep: Keep) -> None:
    assert await keep.broker.schedules.replan("weekly", 1, 2) is Answer.GONE
    assert await keep.broker.schedules.get("weekly") is None


async def test_one_that_coalesces_gives_up_while_its_last_job_is_on_its_way(keep: Keep) -> None:
    row = await put(keep, coalesce=True)
    worker = await keep.worker()
    for _ in range(2):
        keep.travel(EVERY_MS)
        await fire(keep)
    delivery = await worker.claim_one()
    keep.travel(EVERY_MS)

    fired = await fire(keep)

    assert fired == [True]
    assert await keep.broker.size() == 0
    found = await keep.broker.schedules.get("weekly")
    assert found == Planned(row.plan, row.next_ms + 2 * EVERY_MS, row.next_ms + 3 * EVERY_MS, row.next_ms)
    await worker.settle(success(delivery))
    keep.travel(EVERY_MS)
    await fire(keep)
    assert ids(await worker.claim(5)) == [f"cron:weekly:{row.next_ms + 3 * EVERY_MS}"]


async def test_a_job_whose_window_is_over_is_not_on_its_way(keep: Keep) -> None:
    row = await put(keep, coalesce=True, expire_ms=EVERY_MS // 2)
    for _ in range(2):
        keep.travel(EVERY_MS)
        await fire(keep)

    assert await keep.state(f"cron:weekly:{row.next_ms}") is State.EXPIRED
    assert await keep.state(f"cron:weekly:{row.next_ms + EVERY_MS}") is State.QUEUED


async def test_schedules_are_listed_in_the_order_in_which_they_fire_next(keep: Keep) -> None:
    now = await keep.broker.now_ms()
    for number in (3, 1, 2, 4):
        await put(keep, f"s{number}", at_ms=now + number * 1_000, task=f"shop.Task{number % 2}")
    await keep.broker.schedules.replan("s1", now, 0)
    schedules = keep.second().schedules

    page, second = await schedules.page(), await schedules.page(offset=1, limit=2)
    named, tasks = await schedules.page(text="S3"), await schedules.page(text="task1")

    assert ([row.plan.id for row in page.rows], page.total) == (["s2", "s3", "s4", "s1"], 4)
    assert ([row.plan.id for row in second.rows], second.total) == (["s3", "s4"], 4)
    assert ([row.plan.id for row in named.rows], named.total) == (["s3"], 1)
    assert ([row.plan.id for row in tasks.rows], tasks.total) == (["s3", "s1"], 2)


async def test_thousands_are_planned_in_one_call(keep: Keep) -> None:
    now = await keep.broker.now_ms()
    rows = [
        Planned.new(a_plan(keep, f"s{number}", at_ms=now + (2 * number + 1) * EVERY_MS), now) for number in range(1_200)
    ]

    created = await keep.broker.schedules.plan(rows)

    keep.travel(20 * EVERY_MS)
    assert created == [True] * 1_200
    assert (await keep.broker.schedules.page(limit=1)).total == 1_200
    assert await due(keep) == [f"s{number}" for number in range(10)]
    assert await keep.broker.schedules.unplan([row.plan.id for row in rows]) == [Answer.DONE] * 1_200


async def test_declared_and_planned_schedules_of_one_name_do_not_hinder_each_other(keep: Keep) -> None:
    marks = await keep.broker.watermarks(["weekly"])
    row = await put(keep)

    await keep.broker.schedules.unplan(["weekly"])

    assert await keep.broker.watermarks(["weekly"]) == marks
    assert (await keep.broker.schedules.page()).total == 0
    await keep.broker.schedules.plan([row])
    assert (await keep.broker.schedules.page()).rows == [row]
