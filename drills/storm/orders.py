"""What is enqueued, and when: all from one seed."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from ardiq_django import PreparedTask
from drills.storm import tasks

FOREVER_MS = 6 * 3_600_000  # a repeated call is the same call for as long as the drill lasts
INNOCENTS = 40
REPEATED = 0.04  # of the calls: made a second time
ABORTED = 0.05


@dataclass(frozen=True, slots=True)
class Order:
    """One call to be made. With `abort_after_s` somebody asks for its end so long after it was accepted."""

    at_s: float
    prepared: PreparedTask = field(repr=False)
    abort_after_s: float | None = None
    failures: int = 0
    is_fragile: bool = False
    is_poison: bool = False

    @property
    def job_id(self) -> str:
        return self.prepared.job.id


def orders(seed: int, number: int, length_s: float) -> Sequence[Order]:
    """The calls of a storm, in order."""
    chance = random.Random(~seed)
    made = [_order(chance, mark, chance.uniform(0, length_s)) for mark in range(number)]
    made += [_again(chance, one) for one in chance.sample(_repeatable(made), round(number * REPEATED))]
    made += _fragile(chance, length_s)
    return sorted(made, key=lambda one: one.at_s)


def _seconds(chance: random.Random) -> float:
    shortest, longest = chance.choices(((0.01, 0.05), (0.05, 1.0), (1.0, 2.0)), (70, 25, 5))[0]
    return round(chance.uniform(shortest, longest), 3)


def _order(chance: random.Random, mark: int, at_s: float) -> Order:
    seconds = _seconds(chance)
    abort_after_s = chance.uniform(0.0, 3.0) if chance.random() < ABORTED else None
    if chance.random() < 0.2:
        failures = chance.choice((1, 1, 2, 3))
        return Order(at_s, tasks.flaky.prepare(seconds, failures), abort_after_s, failures)
    task: Any = tasks.on_loop if chance.random() < 0.6 else tasks.in_thread
    return Order(at_s, task.options(**_options(chance, mark)).prepare(seconds, mark), abort_after_s)


def _options(chance: random.Random, mark: int) -> dict[str, Any]:
    options: dict[str, Any] = {}
    if chance.random() < 0.1:
        options["delay_ms"] = chance.randrange(100, 5_000)
    match chance.choices(("", "own", "unique"), (75, 12, 13))[0]:
        case "own":
            options |= {"task_id": f"own-{mark}", "unique_for_ms": FOREVER_MS}
        case "unique":
            options |= {"unique": True, "unique_for_ms": FOREVER_MS}
    return options


def _repeatable(made: Sequence[Order]) -> Sequence[Order]:
    return [one for one in made if one.prepared.job.unique_for_ms]


def _again(chance: random.Random, order: Order) -> Order:
    """The same call, made once more: another enqueue of the job that is there."""
    import msgspec

    job = msgspec.structs.replace(order.prepared.job, token=f"{chance.getrandbits(128):032x}")
    again = PreparedTask(job, order.prepared.on_commit, order.prepared.queue)
    return replace(order, at_s=order.at_s + chance.uniform(0, 10), prepared=again, abort_after_s=None)


def _fragile(chance: random.Random, length_s: float) -> Iterator[Order]:
    for _ in range(INNOCENTS):
        prepared = tasks.innocent.prepare(round(chance.uniform(0.01, 0.3), 3))
        yield Order(chance.uniform(0, length_s), prepared, is_fragile=True)
    yield Order(chance.uniform(0.1, 0.5) * length_s, tasks.poison.prepare(), is_fragile=True, is_poison=True)
