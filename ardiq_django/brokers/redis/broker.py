"""The Redis broker: each verb is a script or two, and here is what is asked of them and what their answers mean."""

import asyncio
import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, TypeVar

from redis.exceptions import ResponseError

from ardiq_django.brokers.base import Broker
from ardiq_django.brokers.durability import Advice, Durability
from ardiq_django.brokers.redis.advice import advice_of
from ardiq_django.brokers.redis.durability import durability_of
from ardiq_django.brokers.redis.loop import Loops, Wake
from ardiq_django.brokers.redis.pages import Pages
from ardiq_django.brokers.redis.records import (
    ANSWERS,
    decoded,
    exchange_args,
    guarded,
    letters,
    paired,
    place_of,
    turn_of,
    unknown_of,
)
from ardiq_django.brokers.redis.schedules import RedisSchedules
from ardiq_django.brokers.redis.scripts import Command as Request
from ardiq_django.brokers.redis.scripts import Keyspace, Value
from ardiq_django.brokers.redis.snapshots import ended_snapshot, worker_rows
from ardiq_django.brokers.redis.statistics import Statistics
from ardiq_django.brokers.redis.upkeep import Reaper, Sweeper
from ardiq_django.clock import LONGEST_MS
from ardiq_django.config import QueueRules
from ardiq_django.exceptions import BrokerError, LeaseLost
from ardiq_django.results import State
from ardiq_django.snapshot import Page, Query, Ran, Snapshot, Totals, Vitals, WorkerRow
from ardiq_django.states import WAITING
from ardiq_django.statistics import Figures, Point, Resolution
from ardiq_django.stored import opening
from ardiq_django.wire import (
    Acceptance,
    Amendment,
    Answer,
    Beat,
    Command,
    Exchange,
    News,
    Occurrence,
    Order,
    StagedJob,
    Turn,
    WorkerCard,
    pack,
    unpack_command,
)

T = TypeVar("T")

MANY = 500  # jobs of one call, where each may cost a dozen commands
HEARD_WITHIN_S = 0.25  # a subscription that takes longer is not waited for
LOOK_S = (1.0, 10.0)  # how often who waits for an end looks by himself: at first, and at last


class RedisBroker(Broker):
    """Keeps the jobs of one queue in one Redis (6.2 or later) or Valkey, under `ardiq:{<queue>}:`."""

    def __init__(self, address: str, rules: QueueRules) -> None:
        super().__init__(address, rules)
        self._keys = Keyspace(rules)
        self._loops = Loops(address, self._keys)
        self._pages = Pages(self._keys, self._ask, self._call)
        self._reaper = Reaper(self._keys, self._ask, self._call)
        self._statistics = Statistics(self._keys, self._call)
        self._sweeper = Sweeper(self._keys, self._ask, self._call)
        self.schedules = RedisSchedules(self._keys, self._ask, self._call)

    async def close(self) -> None:
        await self._loops.close()

    async def _ask(self, *requests: Request) -> list[Any]:
        return await self._loops.here.client.ask(*requests)

    async def _call(self, verb: str, keys: Sequence[str] = (), args: Sequence[Value] = ()) -> Any:
        (answer,) = await self._ask(self._keys.call(verb, keys, args, self.skew_ms))
        return answer

    async def _answers(self, verb: str, ids: Sequence[str], *args: Value) -> list[Answer]:
        """One word for each job, from a script that says one letter for each."""
        answers: list[Answer] = []
        for part in _parts(ids):
            reply = await self._call(verb, self._keys.around(part), (*args, *part))
            answers += letters(reply, len(part), ANSWERS, "d")
        return answers

    async def now_ms(self) -> int:
        ((seconds, micros),) = await self._ask(Request((b"TIME",)))
        return int(seconds) * 1_000 + int(micros) // 1_000 + self.skew_ms

    async def enqueue(self, jobs: Sequence[StagedJob]) -> list[Acceptance]:
        return await self._loops.here.intake.store(jobs, self.skew_ms)

    async def register(self, card: WorkerCard) -> None:
        await self._call("register", [self._keys["clearing"]], (card.epoch, pack(card)))

    async def leave(self, epoch: str) -> None:
        await self._reaper.leave(epoch)
        await self._loops.here.stop_reads(epoch)

    async def exchange(self, turn: Exchange) -> Turn:
        return await self._turned(turn, await self._loops.here.client.hot(self._exchange(turn)))

    async def claim(self, turn: Exchange, timeout_s: float) -> Turn:
        """As in `Broker`, and both at once: the exchange waits at the server, behind the read that blocks."""
        reply = await self._wake(turn.epoch).take(timeout_s, self._exchange(turn))
        if reply is None or isinstance(reply, ResponseError):
            return await self.exchange(turn)
        return await self._turned(turn, reply)

    def _exchange(self, turn: Exchange) -> Request:
        keys = self._keys.around([outcome.delivery.job.id for outcome in turn.outcomes], turn.lanes)
        return self._keys.call("exchange", keys, exchange_args(turn, self.rules), self.skew_ms)

    async def _turned(self, turn: Exchange, reply: list[Any]) -> Turn:
        answered, lapsed = turn_of(_alive(turn.epoch, reply), turn)
        if lapsed:
            await self._sweeper.expire(lapsed)
        return answered

    def _wake(self, epoch: str) -> Wake:
        return self._loops.here.wake(epoch, self._keys["wake"])

    async def wait(self, epoch: str, timeout_s: float) -> None:
        word, due_ms = await self._call("look", self._keys.lanes(self.rules.lanes), (epoch,))
        if due_ms is not None:
            timeout_s = min(timeout_s, due_ms / 1000)
        if word == b"busy":  # a token is of no use to it, so it is left to others
            await asyncio.sleep(timeout_s)
        elif word == b"idle":
            await self._wake(epoch).take(timeout_s)

    async def listen(self, epoch: str, timeout_s: float) -> list[Command]:
        mail = self._loops.here.mail(epoch, self._keys[f"mail:{epoch}"])
        heard = [guarded(unpack_command, command) for command in await mail.take(timeout_s)]
        return [command for command in heard if command]

    async def beat(self, epoch: str, call: int, held: Mapping[str, int], news: News) -> Beat:
        entries = [value for entry in held.items() for value in entry]
        reply = _alive(epoch, await self._call("beat", (), (epoch, call, pack(news), *entries)))
        _, lost, aborts, unknown = reply
        return Beat(decoded(lost), decoded(aborts), unknown_of(unknown))

    async def renew(self, epoch: str) -> None:
        _alive(epoch, await self._call("renew", (), (epoch,)))

    async def report(self, epoch: str, number: int, figures: Mapping[str, Figures]) -> None:
        _alive(epoch, [await self._statistics.report(epoch, number, figures, await self.now_ms())])

    async def tell(self, epoch: str, command: Command) -> bool:
        return bool(await self._call("tell", [self._keys[f"mail:{epoch}"]], (epoch, pack(command))))

    async def reap(self, dead: Collection[str] = ()) -> int:
        return await self._reaper.reap(dead)

    async def sweep(self) -> None:
        await self._sweeper.sweep(await self.now_ms())

    async def watermarks(self, schedules: Sequence[str]) -> dict[str, int]:
        marks = await self._call("watermarks", (), schedules)
        return {schedule: int(mark) for schedule, mark in zip(schedules, marks, strict=True)}

    async def stage(self, occurrences: Sequence[Occurrence]) -> list[bool]:
        staged: list[bool] = []
        for part in _parts(occurrences):
            jobs = [occurrence.job for occurrence in part]
            keys = self._keys.around([job.id for job in jobs], [job.lane for job in jobs])
            rows = [(o.schedule, o.fire_ms, int(o.coalesce), o.job.id, pack(o.job), place_of(o.job)) for o in part]
            own = [self._keys["staged"], self._keys["cron:off"]]
            reply = await self._call("stage", [*own, *keys], [value for row in rows for value in row])
            staged += [letter == "c" for letter in reply.decode()]
        return staged

    async def get(self, job_id: str) -> Snapshot | None:
        return await self._look(job_id)

    async def get_many(self, ids: Sequence[str]) -> dict[str, Snapshot]:
        return {one.job.id: one for one in await self._pages.snapshots(list(dict.fromkeys(ids)))}

    async def ahead(self, job: StagedJob) -> int | None:
        return await self._pages.ahead(job)

    async def last_runs(self, task: str, limit: int) -> list[Ran]:
        return await self._pages.last_runs(task, limit)

    async def _look(self, job_id: str, watch_ms: int = 0) -> Snapshot | None:
        snapshots = await self._pages.snapshots([job_id], watch_ms)
        if snapshots and _is_over(snapshots[0]):
            await self._sweeper.expire([job_id])
            snapshots = await self._pages.snapshots([job_id])
        return snapshots[0] if snapshots else None

    async def wait_end(self, job_id: str, timeout_s: float) -> Snapshot | None:
        clock = asyncio.get_running_loop().time
        deadline = clock() + timeout_s
        (channel,) = self._keys.records([job_id])
        # listen first, then be registered by the look, then wait: nothing between is missed
        async with self._loops.here.notices.listener(channel, min(timeout_s, HEARD_WITHIN_S)) as listener:
            snapshot = await self._look(job_id, _watch_ms(timeout_s))
            for pause_s in _pauses():
                left_s = deadline - clock()
                if snapshot and snapshot.state.ended:
                    return snapshot
                if left_s <= 0:
                    raise TimeoutError(f"job {job_id!r} has not ended within {timeout_s} s")
                if notice := await listener.notice(min(left_s, pause_s, _until_over_s(snapshot))):
                    now_ms, _, record = notice.partition(b"|")
                    return ended_snapshot(job_id, int(now_ms), record)
                snapshot = await self._look_again(job_id, deadline - clock())
        return None

    async def _look_again(self, job_id: str, left_s: float) -> Snapshot | None:
        """A look of one who has time: a broker that is away meanwhile may come back."""
        try:
            return await self._look(job_id, _watch_ms(left_s))
        except BrokerError:
            if left_s <= 0:
                raise
            return None

    async def size(self) -> int:
        counts = await self.counts()
        return sum(counts[state] for state in WAITING)

    async def counts(self) -> dict[State, int]:
        return (await self._pages.counts()).by_state

    async def vitals(self) -> Vitals:
        return await self._pages.vitals()

    async def count(self, query: Query) -> Totals:
        return await self._pages.count(query)

    async def page(self, query: Query) -> Page:
        return await self._pages.page(query)

    async def workers(self) -> list[WorkerRow]:
        leases, cards, news = await self._ask(
            Request((b"ZRANGE", self._keys["workers"], 0, -1, b"WITHSCORES")),
            Request((b"HGETALL", self._keys["cards"])),
            Request((b"HGETALL", self._keys["news"])),
        )
        return worker_rows(await self.now_ms(), leases, paired(cards), paired(news))

    async def points(self, resolution: Resolution, since_ms: int, until_ms: int, task: str = "") -> list[Point]:
        starts = resolution.starts(since_ms, until_ms, await self.now_ms())
        return await self._statistics.points(resolution, starts, task)

    async def abort(self, ids: Sequence[str]) -> list[Answer]:
        answers: list[Answer] = []
        for part in _parts(ids):
            reply = await self._call("abort", self._keys.around(part), part)
            answers += [ANSWERS[letter.decode()] for letter in reply[::2]]
            for job_id, fence in zip(part, decoded(reply[1::2]), strict=True):
                if fence:
                    epoch, _, claim = fence.rpartition(".")
                    await self.tell(epoch, Command(Order.ABORT, job_id, int(claim)))
        return answers

    async def replay(self, ids: Sequence[str]) -> list[Answer]:
        return await self._answers("replay", ids)

    async def reschedule(self, ids: Sequence[str], due_ms: int) -> list[Answer]:
        return await self._answers("reschedule", ids, due_ms)

    async def amend(self, changes: Sequence[Amendment]) -> list[Answer]:
        return [await self._amend(change.was, change.job) for change in changes]

    async def _amend(self, was: StagedJob, job: StagedJob) -> Answer:
        keys = self._keys.around([was.id], (was.lane, job.lane))
        letter = await self._call("amend", keys, (was.id, opening(was), opening(job)))
        return ANSWERS[letter.decode()]

    async def delete(self, ids: Sequence[str]) -> list[Answer]:
        return await self._answers("delete", ids)

    async def pause(self) -> None:
        await self._ask(Request((b"SET", self._keys["paused"], 1)))

    async def resume(self) -> None:
        await self._call("resume")

    async def paused(self) -> bool:
        (is_there,) = await self._ask(Request((b"EXISTS", self._keys["paused"])))
        return bool(is_there)

    async def clear(self) -> int:
        """As in `Broker`; a thousand jobs at a time, and none that was enqueued meanwhile for ever."""
        lanes = await self._pages.lanes()
        places: list[tuple[str, ...]] = [("suspects",), ("due",), ("retry",), *[("lane", lane) for lane in lanes]]
        return sum([await self._clear(place) for place in places])

    async def _clear(self, place: tuple[str, ...]) -> int:
        removed, most = 0, await self.size()
        while most > 0:
            taken, were_jobs = await self._call("clear", self._keys.around((), place[1:]), place)
            removed, most = removed + were_jobs, most - were_jobs
            if not taken:
                break
        return removed

    async def durability(self) -> Durability:
        persistence = await self._told(Request((b"INFO", b"persistence")))
        fsync, save = [await self._told(Request((b"CONFIG", b"GET", name))) for name in (b"appendfsync", b"save")]
        return durability_of(persistence, fsync and fsync[1], save and save[1])

    async def advice(self) -> Sequence[Advice]:
        return advice_of(await self._told(Request((b"INFO",))))

    async def _told(self, request: Request) -> Any:
        """What the server tells of itself; None if it does not, as managed ones do."""
        try:
            return (await self._ask(request))[0]
        except BrokerError as error:
            if isinstance(error.__cause__, ResponseError):
                return None
            raise


def _alive(epoch: str, reply: list[Any]) -> list[Any]:
    if reply[0] == b"fenced":
        raise LeaseLost(f"worker epoch {epoch} is not registered, or was reaped")
    return reply


def _parts(items: Sequence[T]) -> Iterator[Sequence[T]]:
    for first in range(0, len(items), MANY):
        yield items[first : first + MANY]


def _is_over(snapshot: Snapshot) -> bool:
    return not snapshot.state.ended and 0 < snapshot.expires_ms <= snapshot.now_ms


def _watch_ms(left_s: float) -> int:
    return max(1, int(min(left_s * 1000, LONGEST_MS)))


def _until_over_s(snapshot: Snapshot | None) -> float:
    if snapshot is None or not snapshot.expires_ms:
        return math.inf
    return max(0.0, (snapshot.expires_ms - snapshot.now_ms) / 1000)


def _pauses() -> Iterator[float]:
    pause_s, most_s = LOOK_S
    while True:
        yield pause_s
        pause_s = min(most_s, 2 * pause_s)
