"""What a store keeps that belongs to nobody: to no job, no worker that lives, no record with a time to go."""

from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any

from ardiq_django.brokers.base import Broker
from ardiq_django.brokers.memory import MemoryBroker
from ardiq_django.results import ENDED, State

UNBOUND = ("cron", "staged", "plans", "plans:next", "paused")  # they belong to the queue itself
OF_WORKERS = ("cards", "news", "calls", "reported", "clearers")
OF_JOBS = ("tries", "expiry")


async def leftovers(broker: Broker) -> list[str]:
    """A sentence for each key, entry or row of the broker's queue that nobody owns; none is the aim.

    To be asked while nothing is in motion: no verb under way, and every worker either alive or reaped.
    """
    if isinstance(broker, MemoryBroker):
        return list(_in_memory(broker))
    if broker.address.startswith("database"):
        return list(await broker._in(broker._rest, _rows, broker._tables))  # type: ignore[attr-defined]
    return await _in_redis(broker)


def _in_memory(broker: MemoryBroker) -> Iterator[str]:
    alive = set(broker._workers)
    for entry in broker._jobs.in_state(State.RUNNING):
        if entry.holder not in alive:
            yield f"job {entry.job.id} runs at {entry.holder}, which is no worker"
    yield from (f"the lease of worker {epoch} is over" for epoch in alive if _is_over(broker, epoch))
    chosen = broker._chosen.draining
    yield from (f"{epoch}, which is no worker, is chosen for suspects" for epoch in chosen if epoch not in alive)
    places = {place for line in (*broker._jobs.lanes.values(), broker._jobs.suspects) for place in line}
    due = {(job_id, ticket) for _, ticket, job_id in broker._jobs._due}
    for entry in broker._jobs.entries.values():
        waits = {State.QUEUED: places, State.SCHEDULED: due, State.RETRYING: due}.get(entry.state)
        if waits is not None and (entry.job.id, entry.ticket) not in waits:
            yield f"job {entry.job.id} is {entry.state} and stands nowhere"


def _is_over(broker: MemoryBroker, epoch: str) -> bool:
    return broker._workers[epoch].lease_end_ms <= broker._now()


def _rows(tables: Any) -> list[str]:
    from ardiq_django.models import Attempt, Job

    alive = {worker.epoch: worker for worker in tables.workers.filter(queue=tables.queue)}
    found = [f"the lease of worker {one.epoch} is over" for one in alive.values() if one.lease_end_ms <= tables.now_ms]
    for job in Job.objects.using(tables.alias).filter(queue=tables.queue):
        is_running, is_held = job.state == State.RUNNING, job.epoch in alive
        if is_running and not is_held:
            found.append(f"job {job.job_id} runs at {job.epoch}, which is no worker")
        if job.epoch and not is_running and State(job.state) not in ENDED:
            found.append(f"job {job.job_id} is {job.state} and belongs to {job.epoch}")
        if (State(job.state) in ENDED) != bool(job.finish_ms):
            found.append(f"job {job.job_id} is {job.state} with finish_ms={job.finish_ms}")
    rows = Attempt.objects.using(tables.alias).exclude(job__in=Job.objects.using(tables.alias).all())
    found += [f"attempt {pk} is of no job" for pk in rows.values_list("pk", flat=True)]
    return found


async def _in_redis(broker: Broker) -> list[str]:
    from redis.asyncio import Redis

    client = Redis.from_url(broker.address, decode_responses=False)
    prefix = f"ardiq:{{{broker.rules.queue}}}:"
    try:
        kept = {key.decode().removeprefix(prefix): key async for key in client.scan_iter(f"{prefix}*", 1000)}
        store = {name: await _read(client, key) for name, key in sorted(kept.items())}
        ttls = {name: await client.pttl(key) for name, key in kept.items()}
        now_ms = await broker.now_ms()
    finally:
        await client.aclose()
    return list(_Keys(store, ttls, now_ms).found())


async def _read(client: Any, key: bytes) -> Mapping[str, Any] | Collection[str]:
    kind, text = (await client.type(key)).decode(), bytes.decode
    match kind:
        case "hash":
            return {text(name): value for name, value in (await client.hgetall(key)).items()}
        case "zset":
            return {text(name): score for name, score in await client.zrange(key, 0, -1, withscores=True)}
        case "list":
            return [text(value, errors="replace") for value in await client.lrange(key, 0, -1)]
        case "set":
            return {text(value) for value in await client.smembers(key)}
    return [text(await client.get(key) or b"", errors="replace")]


class _Keys:
    """Every key of a queue: the jobs, where they stand, and all that must belong to a job or to a worker."""

    def __init__(self, store: Mapping[str, Any], ttls: Mapping[str, int], now_ms: int) -> None:
        self._store, self._ttls, self._now_ms = store, ttls, now_ms
        self._jobs = set(store.get("jobs", ()))
        self._alive = set(store.get("workers", ()))

    def found(self) -> Iterator[str]:
        yield from self._standing()
        for name in self._store:
            yield from self._judge(name)

    def _standing(self) -> Iterator[str]:
        dead = {name.removeprefix("tombs:"): ids for name, ids in self._store.items() if name.startswith("tombs:")}
        places = [place for name in ("due", "retry", "running", "suspects") for place in self._store.get(name, ())]
        for name, ids in self._store.items():
            if name.startswith("lane:"):
                buried = dead.get(name.removeprefix("lane:"), ())
                places += [job_id for job_id in ids if job_id not in buried]
        for job_id in sorted(self._jobs | set(places)):
            if job_id not in self._jobs:
                yield f"{job_id} stands in line and is no job"
            elif places.count(job_id) != 1:
                yield f"job {job_id} stands in {places.count(job_id)} places"

    def _judge(self, name: str) -> Iterator[str]:
        kind, _, rest = name.partition(":")
        judges: dict[str, Callable[[], Iterator[str]]] = {
            "workers": lambda: self._late(name, "the lease of worker {} is over"),
            "waiting": lambda: self._late(name, "nobody waits for {} any more"),
            "running": lambda: self._held(name),
            "dead": lambda: self._each(name, set()),
            "aborts": lambda: self._each(name, set(self._store.get("running", ()))),
            "mail": lambda: iter(()) if rest in self._alive else iter((f"mail of {rest}, which is no worker",)),
            "tombs": lambda: self._each(name, set(self._store.get(f"lane:{rest}", ()))),
            "end": lambda: self._fading(name),
            "stat": lambda: self._fading(name),
            "ended": lambda: self._indexed(name),
            "wake": lambda: iter(()) if len(self._store[name]) == 1 else iter(("more than one token to wake",)),
            **dict.fromkeys(OF_JOBS, lambda: self._each(name, self._jobs)),
            **dict.fromkeys(OF_WORKERS, lambda: self._each(name, self._alive)),
            **dict.fromkeys(("jobs", "lane", "due", "retry", "suspects"), lambda: iter(())),  # see _standing
        }
        if name not in UNBOUND:
            yield from judges[kind]() if kind in judges else iter((f"{name} is a key that nobody knows",))

    def _each(self, name: str, owners: Collection[str]) -> Iterator[str]:
        yield from (f"{name} holds {one}, which nobody owns" for one in self._store[name] if one not in owners)

    def _held(self, name: str) -> Iterator[str]:
        for job_id, fence in self._store[name].items():
            epoch = fence.decode().rpartition(".")[0]
            if epoch not in self._alive:
                yield f"job {job_id} runs at {epoch}, which is no worker"

    def _late(self, name: str, sentence: str) -> Iterator[str]:
        yield from (sentence.format(one) for one, until in self._store[name].items() if until <= self._now_ms)

    def _fading(self, name: str) -> Iterator[str]:
        if self._ttls[name] < 0:
            yield f"{name} would stay for ever"

    def _indexed(self, name: str) -> Iterator[str]:
        for member in self._store[name]:
            if f"end:{member.split(chr(10), 2)[2]}" not in self._store:
                yield f"{name} lists {member!r}, of which there is no record"
