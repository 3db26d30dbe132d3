"""Which faults come when: all from one seed."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

KILL, TERMINATE, STOP, PART, OUTAGE, CUT, SCRIPTS = (
    "kill", "terminate", "stop", "part", "outage", "cut", "scripts",
)  # fmt: skip
SEATS = 4
OUTAGES = 3
MEANT_FOR_ALL = -1


@dataclass(frozen=True, slots=True)
class Blow:
    """One fault to come. `seat` is whom it is meant for; who cannot take it passes it on to the next."""

    at_s: float
    kind: str
    seat: int = MEANT_FOR_ALL
    length_s: float = 0.0
    patience_s: float = 5.0  # for somebody who can take it


def forecast(seed: int, length_s: float, lease_s: float, kill_every_s: float) -> Sequence[Blow]:
    """All faults of so long a storm, in order."""
    chance = random.Random(seed)
    kills = [
        Blow(kill_every_s * number, KILL, chance.randrange(SEATS)) for number in range(1, int(length_s / kill_every_s))
    ]
    return sorted([*kills, *_blows(chance, length_s, lease_s)], key=lambda blow: blow.at_s)


def _blows(chance: random.Random, length_s: float, lease_s: float) -> Iterator[Blow]:
    def at(every_s: float, kind: str, shortest_s: float = 0.0, longest_s: float = 0.0) -> Iterator[Blow]:
        for number in range(1, int(length_s / every_s)):
            moment_s = every_s * (number + chance.uniform(-0.3, 0.3))
            yield Blow(moment_s, kind, chance.randrange(SEATS), chance.uniform(shortest_s, longest_s))

    yield from at(8.0, STOP, 1.4 * lease_s, 2.0 * lease_s)
    yield from at(7.0, STOP, 0.1 * lease_s, 0.3 * lease_s)  # nobody is to lose anything by these
    yield from at(12.0, PART, 1.4 * lease_s, 1.8 * lease_s)
    yield from at(6.0, TERMINATE)
    yield from at(4.0, CUT)
    yield from at(10.0, SCRIPTS)
    for number in range(OUTAGES):
        moment_s = length_s * (number + 1 + chance.uniform(-0.2, 0.2)) / (OUTAGES + 1)
        longest_s = (0.3, 1.0, 1.5)[number] * lease_s
        yield Blow(moment_s, OUTAGE, length_s=longest_s * chance.uniform(0.7, 1.0))
