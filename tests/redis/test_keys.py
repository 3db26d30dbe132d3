"""What is in the server: keys of one hash tag, declared to each script, and none that nobody would ever remove."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from ardiq_django.plan import Planned, PlanOptions, When, plan_of
from ardiq_django.results import State
from ardiq_django.snapshot import Query
from ardiq_django.statistics import BEGUN, Figures, Resolution
from ardiq_django.wire import Amendment, Answer, Command, News, Occurrence, Order
from tests.contract.keep import Keep
from tests.contract.makers import cancelled, failure, released, requeued, retrying, success

KEPT_FOR_EVER = {
    "wake",
    "cron",
    "staged",
}  # a token for the next worker; watermarks and last jobs of declared schedules
COMMANDS = (
    "+evalsha +script|load +blpop +lpop +rpush +time +publish +subscribe +unsubscribe +ping +select "
    "+exists +set +del +unlink +get +pexpire +pexpireat +hget +hset +hsetnx +hdel +hmget +hlen +hexists +hkeys +hvals "
    "+hgetall +hscan +zadd +zrem +zscore +zmscore +zcard +zcount +zrange +zrangebyscore +zrevrangebyscore +zpopmin "
    "+zremrangebyscore +zremrangebyrank +linsert +llen +lrange +lpush +lrem +sadd +srem +scard +smismember +info"
)


async def everything(keep: Keep) -> None:
    """Every verb and every fate once."""
    broker = keep.broker
    await amended(keep)
    worker, other = await keep.worker("a"), await keep.worker("b")
    for task in ("ok", "bad", "off", "again", "later", "back"):
        await keep.put(id=task, task=f"shop.{task}")
    await keep.put(id="run", lane="high", expire_ms=90_000)
    await keep.put(id="scheduled", delay_ms=60_000)
    await keep.put(id="expired", expire_ms=10)
    await keep.put(id="lapsed", lane="low", expire_ms=10)
    await keep.put(id="aborted")
    await broker.stage([Occurrence("hourly", keep.now_ms, keep.job(id="cron", lane="low"))])
    await broker.watermarks(["hourly", "daily"])
    await scheduled(keep)
    claimed = {one.job.id: one for one in await worker.claim(7)}
    await broker.abort(["aborted", "run", "ok"])
    await worker.beat(News(starts={"ok": keep.now_ms}))
    for number in (1, 2):
        await broker.report(worker.epoch, number, {"shop.ok": Figures({BEGUN: 1})})
    await broker.series(Resolution.HOUR, keep.now_ms, keep.now_ms + 1)
    await broker.series(Resolution.HOUR, keep.now_ms, keep.now_ms + 1, "shop.ok")
    await broker.tell(worker.epoch, Command(Order.QUIET))
    await broker.listen(worker.epoch, 0.01)
    await worker.settle(
        success(claimed["ok"]), failure(claimed["bad"]), cancelled(claimed["off"]), retrying(claimed["again"], 9_000),
        requeued(claimed["later"], 9_000), released(claimed["back"]),
    )  # fmt: skip
    keep.travel(1_000)
    await worker.claim(1, lanes=("low",))
    await broker.reschedule(["back", "scheduled"], keep.now_ms + 1_000)
    await broker.replay(["bad", "expired"])
    await broker.enqueue([keep.job(id="off", token="t", replaces=True), keep.job(id="again", token="x")])
    await other.claim(1)
    await other.leave()
    keep.outlast_lease()
    await broker.reap()
    await broker.pause()
    await broker.wait(worker.epoch, 0.01)
    await broker.resume()
    await broker.sweep()
    await broker.page(Query())
    await broker.page(Query(text="sho", since_ms=1))
    await broker.workers()
    await broker.durability()
    await broker.delete(["ok"])


async def amended(keep: Keep) -> None:
    """From one lane to another one, before somebody younger, and back to where its dead place is."""
    job = await keep.put(id="moved", lane="low")
    await keep.put(id="younger", lane="high", enqueued_ms=keep.now_ms + 1_000)
    there = Amendment(job, "high", b"\x92\x91\x07\x80", "")
    back = Amendment(there.job, "low", job.call, "")
    assert await keep.broker.amend([there, back]) == [Answer.DONE, Answer.DONE]
    await keep.broker.delete(["moved", "younger"])


async def scheduled(keep: Keep) -> None:
    """Every verb of schedules once."""
    schedules, now = keep.broker.schedules, await keep.broker.now_ms()
    options = PlanOptions(coalesce=True)
    plans = [
        plan_of(name, keep.job(lane="low"), when, options, now)
        for name, when in (("once", When(at_ms=now)), ("weekly", When.interval(0.001, options)))
    ]
    await schedules.plan([Planned.new(plan, now - 1_000) for plan in plans])
    for _ in range(2):
        await schedules.fire([row.firing(now, 1) for row in await schedules.due(5)])
    await schedules.replan("weekly", now, 0)
    await schedules.get("weekly")
    await schedules.page()
    await schedules.page(text="week")
    await schedules.unplan(["once"])


async def rest(keep: Keep) -> None:
    """Remove what is there, by the verbs there are for it."""
    await keep.broker.schedules.unplan(["weekly"])
    await keep.broker.clear()
    page = await keep.broker.page(Query())
    await keep.broker.delete([row.job.id for row in page.rows])


async def test_all_keys_of_a_queue_share_its_hash_tag(keep: Keep, server: Any) -> None:
    await everything(keep)

    keys = [key async for key in server.scan_iter("*")]

    assert len(keys) > 10
    assert [key for key in keys if not key.startswith(f"ardiq:{{{keep.rules.queue}}}:")] == []


async def test_nothing_is_left_of_jobs_and_workers_that_are_gone(keep: Keep, server: Any) -> None:
    await everything(keep)
    await rest(keep)

    names = {key.rpartition("}:")[2] async for key in server.scan_iter("*")}

    buckets = {name for name in names if name.startswith("stat:")}  # which go by themselves
    assert len(buckets) == len(Resolution)
    assert names - buckets <= KEPT_FOR_EVER


async def test_buckets_of_figures_go_by_themselves_when_their_time_is_over(keep: Keep, server: Any) -> None:
    worker = await keep.worker()

    await keep.broker.report(worker.epoch, 1, {"shop.mail": Figures({BEGUN: 1})})

    for resolution in Resolution:
        keys = [key async for key in server.scan_iter(f"ardiq:{{{keep.rules.queue}}}:stat:{resolution}:*")]
        left_ms = [await server.pttl(key) - resolution.kept_ms for key in keys]
        assert [0 < ms <= resolution.span_ms for ms in left_ms] == [True]


@pytest.mark.parametrize("rubbish", [b"\xc1\xff", b"\x92\xa1a\xa1b", b"\x01", b""])
async def test_figures_nobody_can_read_are_begun_anew(keep: Keep, server: Any, rubbish: bytes) -> None:
    worker = await keep.worker()
    await keep.broker.report(worker.epoch, 1, {"shop.mail": Figures({BEGUN: 1})})
    async for key in server.scan_iter(f"ardiq:{{{keep.rules.queue}}}:stat:*"):
        await server.hset(key, "shop.mail", rubbish)

    await keep.broker.report(worker.epoch, 2, {"shop.mail": Figures({BEGUN: 5})})

    (point,) = await keep.broker.series(Resolution.HOUR, 0, keep.now_ms + 60_000)
    assert point.figures.begun == 5


async def test_every_record_goes_by_itself(keep: Keep, server: Any) -> None:
    await everything(keep)

    records = [key async for key in server.scan_iter("*:end:*")]

    assert len(records) >= 3
    assert [key for key in records if await server.pttl(key) <= 0] == []


async def test_a_record_is_kept_as_long_as_its_kind_or_its_result_if_that_is_longer(keep: Keep, server: Any) -> None:
    keep.ruled(succeeded_ttl_ms=100_000, failed_ttl_ms=200_000, result_ttl_ms=1_000)
    worker = await keep.worker()
    await keep.put_many(3)
    short, long, bad = await worker.claim(3)

    await worker.settle(success(short, ttl_ms=5_000), success(long, ttl_ms=400_000), failure(bad, ttl_ms=0))

    kept = [await server.pttl(f"ardiq:{{{keep.rules.queue}}}:end:{one.job.id}") for one in (short, long, bad)]
    assert [round(ms, -4) for ms in kept] == [100_000, 400_000, 200_000]


async def test_what_is_pushed_out_by_number_keeps_just_its_results_time(keep: Keep, server: Any) -> None:
    keep.ruled(succeeded_max=1)
    worker = await keep.worker()
    await keep.put_many(3)
    gone, promised, newest = await worker.claim(3)
    for place, (one, ttl_ms) in enumerate([(gone, 0), (promised, 60_000), (newest, 0)]):
        await worker.settle(success(one, ttl_ms=ttl_ms, finish_ms=keep.now_ms + place))

    await keep.broker.sweep()

    kept = [await server.pttl(f"ardiq:{{{keep.rules.queue}}}:end:{one.job.id}") for one in (gone, promised, newest)]
    assert kept[0] == -2
    assert 0 < kept[1] <= 61_000
    assert kept[2] > 86_400_000
    assert (await keep.broker.counts())[State.SUCCEEDED] == 1


async def test_an_id_in_a_lane_only_as_a_tombstone_is_gone_when_it_is_met(keep: Keep, server: Any) -> None:
    jobs = await keep.put_many(3)
    await keep.broker.abort([jobs[0].id])
    await keep.broker.delete([jobs[1].id])
    await keep.put(id=jobs[0].id, token="t", replaces=True)

    claimed = [one.job.id for one in await (await keep.worker()).claim(5)]

    assert claimed == [jobs[2].id, jobs[0].id]
    assert await server.exists(f"ardiq:{{{keep.rules.queue}}}:tombs:default") == 0


async def test_a_turn_meets_no_more_than_a_thousand_dead_ids(keep: Keep, server: Any) -> None:
    dead = await keep.put_many(2_500)
    await keep.broker.abort([job.id for job in dead])
    job = await keep.put()
    worker = await keep.worker()

    turns = [[one.job.id for one in await worker.claim(1)] for _ in range(3)]

    assert turns == [[], [], [job.id]]
    assert await server.exists(f"ardiq:{{{keep.rules.queue}}}:tombs:default") == 0


async def test_a_tally_nobody_can_read_does_not_hold_a_job_up(keep: Keep, server: Any) -> None:
    jobs = await keep.put_many(2)
    for job, rubbish in zip(jobs, [b"\xc1", b"1 0 0 1|\xc1"], strict=True):
        await server.hset(f"ardiq:{{{keep.rules.queue}}}:tries", job.id, rubbish)
    worker = await keep.worker()

    deliveries = await worker.claim(2)
    answers = await worker.settle(retrying(deliveries[0], 60_000), success(deliveries[1]))

    assert [one.tries for one in deliveries] == [1, 2]
    assert answers == [Answer.DONE, Answer.DONE]


async def test_lanes_that_are_configured_no_more_are_shown_and_cleared(keep: Keep) -> None:
    job = await keep.put(lane="high")
    await keep.put(lane="low")

    fewer = keep.ruled(lanes=("low",))

    assert job.id in await keep.listed(Query(states=[State.QUEUED]))
    assert await fewer.clear() == 2
    assert await fewer.size() == 0


@pytest.fixture
async def allowed(server: Any, clean_redis_url: str) -> AsyncIterator[str]:
    """The address for a user who may do what a broker needs, and nothing else."""
    permissions = f"on nopass resetkeys ~ardiq:* resetchannels &ardiq:* -@all {COMMANDS}"
    await server.execute_command("ACL", "SETUSER", "ardiq", *permissions.split())
    yield clean_redis_url.replace("redis://", "redis://ardiq:any@")
    await server.execute_command("ACL", "DELUSER", "ardiq")


async def test_a_user_with_few_permissions_is_enough(allowed: str) -> None:
    keep = Keep(allowed)

    await everything(keep)
    waited = await keep.broker.wait_end("off", 0.01) if await keep.state("off") is State.ABORTED else None

    assert waited is None
    await rest(keep)
    await keep.close()


async def test_scripts_touch_no_key_that_was_not_declared(keep: Keep, server: Any) -> None:
    touched, given = set(), set()
    async with server.monitor() as monitor:
        await everything(keep)
        await server.ping()
        async for seen in monitor.listen():
            if seen["command"] == "PING":
                break
            word, _, rest_of_it = seen["command"].partition(" ")
            if word.upper() == "EVALSHA":
                given |= set(rest_of_it.split(" ")[2 : 2 + int(rest_of_it.split(" ")[1])])
            elif seen["client_type"] == "lua" and word.upper() not in ("TIME", "PUBLISH"):
                touched.add(rest_of_it.split(" ")[0])

    assert len(touched) > 20
    assert touched <= given
