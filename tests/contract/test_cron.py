"""Each firing of a schedule is enqueued at most once, whoever stages it."""

import asyncio
from dataclasses import replace

from ardiq_django.plan import PlanPage, Standing
from ardiq_django.results import State
from ardiq_django.wire import Acceptance, Occurrence
from tests.contract.keep import Keep, ids
from tests.contract.makers import failure, success

EVERY_MS = 60_000


def occurrence(keep: Keep, fire_ms: int, schedule: str = "nightly", **fields: object) -> Occurrence:
    given = {"id": f"cron:{schedule}:{fire_ms}", **fields}
    return Occurrence(schedule, fire_ms, keep.job(**given))


async def begun(keep: Keep, schedule: str = "nightly") -> int:
    """The watermark of a schedule that is new, or was."""
    return (await keep.broker.watermarks([schedule]))[schedule]


async def test_a_new_schedule_starts_at_now(keep: Keep) -> None:
    marks = await keep.broker.watermarks(["nightly", "hourly"])

    assert set(marks) == {"nightly", "hourly"}
    assert all(abs(mark - keep.now_ms) < 2_000 for mark in marks.values())


async def test_a_schedule_starts_once(keep: Keep) -> None:
    first = await begun(keep)
    keep.travel(EVERY_MS)

    again = await keep.second().watermarks(["nightly"])

    assert again == {"nightly": first}


async def test_no_schedule_has_no_watermark(keep: Keep) -> None:
    assert await keep.broker.watermarks([]) == {}
    assert await keep.broker.stage([]) == []


async def test_an_occurrence_is_enqueued_and_moves_the_watermark(keep: Keep) -> None:
    mark = await begun(keep)
    firing = occurrence(keep, mark + EVERY_MS, lane="high", labels={"cron": "nightly"})

    staged = await keep.broker.stage([firing])

    assert staged == [True]
    assert await begun(keep) == mark + EVERY_MS
    (delivery,) = await (await keep.worker()).claim(5)
    assert (delivery.job.id, delivery.job.lane, dict(delivery.job.labels)) == (
        firing.job.id,
        "high",
        {"cron": "nightly"},
    )


async def test_the_same_firing_is_enqueued_once(keep: Keep) -> None:
    firing = occurrence(keep, await begun(keep) + EVERY_MS)

    staged = [*await keep.broker.stage([firing, firing]), *await keep.second().stage([firing])]

    assert staged == [True, False, False]
    assert await keep.broker.size() == 1


async def test_many_hosts_at_once_enqueue_it_once(keep: Keep) -> None:
    mark = await begun(keep)
    brokers = [keep.broker, keep.second()] * 4

    staged = await asyncio.gather(
        *(
            broker.stage([occurrence(keep, mark + EVERY_MS, id=f"host-{number}")])
            for number, broker in enumerate(brokers)
        )
    )

    assert sorted(answer for answers in staged for answer in answers) == [False] * 7 + [True]
    assert await keep.broker.size() == 1


async def test_an_earlier_firing_is_over(keep: Keep) -> None:
    mark = await begun(keep)
    await keep.broker.stage([occurrence(keep, mark + 3 * EVERY_MS)])

    staged = await keep.broker.stage([occurrence(keep, mark + n * EVERY_MS) for n in (1, 2, 3)])

    assert staged == [False] * 3
    assert await begun(keep) == mark + 3 * EVERY_MS
    assert await keep.broker.size() == 1


async def test_what_was_due_before_the_schedule_was_new_is_not_made_up_for(keep: Keep) -> None:
    mark = await begun(keep)

    staged = await keep.broker.stage([occurrence(keep, mark - EVERY_MS), occurrence(keep, mark)])

    assert staged == [False, False]
    assert await keep.broker.size() == 0


async def test_missed_firings_can_be_made_up_for_in_one_call(keep: Keep) -> None:
    mark = await begun(keep)
    firings = [occurrence(keep, mark + n * EVERY_MS) for n in (1, 2, 3)]

    staged = await keep.broker.stage(firings)

    assert staged == [True] * 3
    assert ids(await (await keep.worker()).claim(5)) == [firing.job.id for firing in firings]


async def test_schedules_do_not_hinder_each_other(keep: Keep) -> None:
    marks = await keep.broker.watermarks(["nightly", "hourly"])
    await keep.broker.stage([occurrence(keep, marks["nightly"] + 9 * EVERY_MS)])

    staged = await keep.broker.stage([occurrence(keep, marks["hourly"] + EVERY_MS, "hourly")])

    assert staged == [True]
    assert await begun(keep, "hourly") == marks["hourly"] + EVERY_MS


async def test_a_firing_is_not_repeated_after_its_job_ended(keep: Keep) -> None:
    firing = occurrence(keep, await begun(keep) + EVERY_MS, replaces=True, token="t")
    await keep.broker.stage([firing])
    worker = await keep.worker()
    await worker.settle(success(await worker.claim_one()))

    staged = await keep.second().stage([occurrence(keep, firing.fire_ms, replaces=True, token="u")])

    assert staged == [False]
    assert await keep.state(firing.job.id) is State.SUCCEEDED


async def test_a_firing_is_not_repeated_after_its_record_is_gone(keep: Keep) -> None:
    firing = occurrence(keep, await begun(keep) + EVERY_MS)
    await keep.broker.stage([firing])
    await keep.broker.clear()

    staged = await keep.broker.stage([firing])

    assert staged == [False]
    assert await keep.broker.size() == 0


async def test_a_firing_whose_id_is_in_flight_is_passed_over(keep: Keep) -> None:
    mark = await begun(keep)
    await keep.put(id="cron:nightly", token="t")

    staged = await keep.broker.stage([occurrence(keep, mark + EVERY_MS, id="cron:nightly", token="u")])

    assert staged == [False]
    assert await begun(keep) == mark + EVERY_MS
    assert await keep.broker.size() == 1


async def test_what_coalesces_is_given_up_while_the_last_job_of_its_schedule_is_on_its_way(keep: Keep) -> None:
    mark = await begun(keep)
    worker = await keep.worker()
    first, second, third = [replace(occurrence(keep, mark + n * EVERY_MS), coalesce=True) for n in (1, 2, 3)]
    await keep.broker.stage([first])
    delivery = await worker.claim_one()

    staged = await keep.second().stage([second])
    marked = await begun(keep)
    await worker.settle(success(delivery))
    again = await keep.broker.stage([second, third])

    assert (staged, marked, again) == ([False], second.fire_ms, [False, True])
    assert ids(await worker.claim(5)) == [third.job.id]


async def test_a_firing_may_take_the_place_of_an_earlier_one_that_ended(keep: Keep) -> None:
    mark = await begun(keep)
    worker = await keep.worker()
    await keep.broker.stage([occurrence(keep, mark + EVERY_MS, id="cron:nightly", token="t", replaces=True)])
    await worker.settle(failure(await worker.claim_one()))

    staged = await keep.broker.stage(
        [occurrence(keep, mark + 2 * EVERY_MS, id="cron:nightly", token="u", replaces=True)]
    )

    assert staged == [True]
    (delivery,) = await worker.claim(5)
    assert (delivery.job.token, len(delivery.history)) == ("u", 1)


async def test_an_occurrence_can_be_for_later(keep: Keep) -> None:
    mark = await begun(keep)

    await keep.broker.stage([occurrence(keep, mark + EVERY_MS, schedule_ms=mark + EVERY_MS)])

    worker = await keep.worker()
    early = await worker.claim(5)
    keep.travel(EVERY_MS + 1_000)
    assert early == []
    assert len(await worker.claim(5)) == 1


async def test_a_staged_job_is_a_job_like_any_other(keep: Keep) -> None:
    firing = occurrence(keep, await begun(keep) + EVERY_MS, token="t")
    await keep.broker.stage([firing])

    answers = await keep.broker.enqueue([firing.job, keep.job(id=firing.job.id, token="u")])

    assert answers == [Acceptance.EXISTING, Acceptance.CONFLICT]


async def test_a_schedules_name_is_any_text(keep: Keep) -> None:
    names = ["größe: {a}*", "two\nlines", "'; --"]
    marks = await keep.broker.watermarks(names)

    staged = await keep.broker.stage(
        [occurrence(keep, marks[name] + EVERY_MS, name, id=f"j{number}") for number, name in enumerate(names)]
    )

    assert staged == [True] * 3
    assert await keep.second().watermarks(names) == {name: mark + EVERY_MS for name, mark in marks.items()}


async def test_how_schedules_stand_is_read_without_beginning_them(keep: Keep) -> None:
    fresh = await keep.broker.schedules.standings(["nightly", "hourly"])
    mark = await begun(keep)
    firing = occurrence(keep, mark + EVERY_MS)
    await keep.broker.stage([firing])

    standings = await keep.second().schedules.standings(["nightly", "hourly"])

    assert fresh == {"nightly": Standing(), "hourly": Standing()}
    assert standings == {"nightly": Standing(firing.fire_ms, firing.job.id), "hourly": Standing()}
    assert standings["nightly"].fired_ms == firing.fire_ms
    assert await keep.broker.schedules.standings([]) == {}


async def test_a_schedule_that_is_switched_off_moves_on_and_enqueues_nothing(keep: Keep) -> None:
    mark = await begun(keep)
    first, second = occurrence(keep, mark + EVERY_MS), occurrence(keep, mark + 2 * EVERY_MS)
    other = occurrence(keep, await begun(keep, "hourly") + EVERY_MS, "hourly")
    await keep.broker.schedules.switch("nightly", on=False)

    staged = await keep.second().stage([first, second, other])

    assert staged == [False, False, True]
    assert await begun(keep) == second.fire_ms
    assert await keep.broker.schedules.standings(["nightly"]) == {"nightly": Standing(second.fire_ms, "", False)}
    assert await keep.broker.size() == 1


async def test_a_schedule_that_is_switched_on_starts_at_now(keep: Keep) -> None:
    mark = await begun(keep)
    await keep.broker.schedules.switch("nightly", on=False)
    keep.travel(10 * EVERY_MS)

    await keep.second().schedules.switch("nightly", on=True)
    missed, next_one = occurrence(keep, mark + 9 * EVERY_MS), occurrence(keep, mark + 11 * EVERY_MS)
    staged = await keep.broker.stage([missed, next_one])

    assert staged == [False, True]


async def test_what_is_on_is_switched_on_without_losing_what_is_due(keep: Keep) -> None:
    mark = await begun(keep)
    keep.travel(10 * EVERY_MS)

    await keep.broker.schedules.switch("nightly", on=True)

    assert await begun(keep) == mark


async def test_a_schedule_that_nobody_has_looked_at_can_be_switched_off(keep: Keep) -> None:
    await keep.broker.schedules.switch("'; größe", on=False)

    standing = (await keep.broker.schedules.standings(["'; größe"]))["'; größe"]

    assert not standing.is_enabled
    assert abs(standing.mark_ms - keep.now_ms) < 2_000
    assert await keep.broker.schedules.page() == PlanPage([], 0)
    assert await keep.broker.schedules.due(10) == []
