"""Many lives of a queue in virtual time. One that fails is lived again by ARDIQ_SEED=<its number>."""

import os
import time
from collections.abc import Iterator

from tests.faults.proof import SIMULATION, WHOLE
from tests.faults.simulation import Life, simulate

SEEDS, BUDGET_S = (10_000, 180.0) if WHOLE else (300, 12.0)
AT_LEAST = 20  # however slow the machine


def seeds() -> Iterator[int]:
    """The one that was asked for; or as many as there is time for."""
    if "ARDIQ_SEED" in os.environ:
        yield int(os.environ["ARDIQ_SEED"])
        return
    began_s = time.perf_counter()
    for seed in range(SEEDS):
        if seed >= AT_LEAST and time.perf_counter() - began_s > BUDGET_S:
            return
        yield seed


def test_no_seed_breaks_a_promise() -> None:
    lives: dict[int, Life] = {}
    for seed in seeds():
        lives[seed] = life = simulate(seed)
        assert life.violations == [], f"ARDIQ_SEED={seed} shows it again"

    totals = [sum(getattr(life, name) for life in lives.values()) for name in ("jobs", "faults", "deaths")]
    hours = sum(life.virtual_s for life in lives.values()) / 3600
    SIMULATION.add(len(lives), *totals, 0, f"{hours:.1f} h")
    assert totals[0] > len(lives)


def test_a_seed_is_lived_again_as_it_was() -> None:
    first, second = simulate(7), simulate(7)

    assert first == second
    assert first.faults > 0
