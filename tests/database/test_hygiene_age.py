"""CONN_MAX_AGE, CONN_HEALTH_CHECKS and Django's pool mean in jobs what they mean in requests."""

from itertools import product

import pytest

from tests.database.hygiene import OF_BROKER, broker, kind, workplace

__all__ = ["broker", "kind"]
pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "postgres"])
PLACES = ["in_a_thread", "on_the_loop"]
SLOTS = 3


@pytest.mark.parametrize(("age", "checks"), list(product([0, 60, None], [False, True])))
def test_a_connection_lives_as_long_as_the_settings_say(broker: str, kind: str, age: int | None, checks: bool) -> None:
    with workplace(broker, 1, CONN_MAX_AGE=age, CONN_HEALTH_CHECKS=checks) as place:
        used = [place.values([place.ask(f"backend_{where}")])[0] for where in PLACES * 3]
        place.settles_at(OF_BROKER[kind] + (0 if age == 0 else 1))

    assert len(set(used)) == (6 if age == 0 else 1)


def test_a_slot_that_idles_lets_go_of_a_connection_that_grew_too_old(broker: str, kind: str) -> None:
    with workplace(broker, SLOTS, CONN_MAX_AGE=1) as place:
        counted = place.values([place.ask("on_the_loop", SLOTS) for _ in range(SLOTS)])
        place.settles_at(OF_BROKER[kind])

    assert max(counted) == SLOTS + OF_BROKER[kind]


@pytest.mark.parametrize("size", [SLOTS, 1])
def test_jobs_give_back_what_they_took_from_a_pool(broker: str, kind: str, size: int) -> None:
    pool = {"min_size": 1, "max_size": size, "timeout": 20}

    with workplace(broker, SLOTS, OPTIONS={"pool": pool}) as place:
        used = place.values([place.ask(f"backend_{where}") for where in PLACES * 15])
        assert len(place.backends()) <= size + OF_BROKER[kind]

    assert len(set(used)) <= size
    assert "rolling back returned connection" not in place.process.said


def test_all_slots_may_hold_a_connection_of_the_pool_at_once(broker: str, kind: str) -> None:
    pool = {"min_size": 0, "max_size": SLOTS, "timeout": 20}

    with workplace(broker, SLOTS, OPTIONS={"pool": pool}) as place:
        counted = place.values([place.ask(where, SLOTS) for where in PLACES * SLOTS])

    assert max(counted) == SLOTS + OF_BROKER[kind]
