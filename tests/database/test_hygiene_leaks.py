"""Connections opened in threads that are no slot's: closed when the call, or the thread, ends."""

from pathlib import Path

import pytest

from tests.database.hygiene import OF_BROKER, broker, kind, workplace
from tests.ring.processes import until

__all__ = ["broker", "kind"]
pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "postgres"])
SLOTS = 2
TASKS = ["spread_over_threads", "make_threads", "make_a_thread_pool"]


@pytest.mark.parametrize("age", [0, None])
def test_the_connections_of_other_threads_end_with_the_job(broker: str, kind: str, age: int | None) -> None:
    with workplace(broker, SLOTS, CONN_MAX_AGE=age) as place:
        place.values([place.ask(task, 8) for task in TASKS * 2])
        place.settles_at(OF_BROKER[kind])
        assert "never closed" not in place.process.said


def test_a_pool_has_back_what_other_threads_took(broker: str) -> None:
    pool = {"min_size": 1, "max_size": 3, "timeout": 20}

    with workplace(broker, SLOTS, OPTIONS={"pool": pool}) as place:
        place.values([place.ask(task, 8) for task in TASKS[:2] * 3])


def test_what_a_coroutine_opens_after_its_job_is_closed_as_well(broker: str, kind: str, tmp_path: Path) -> None:
    sign = tmp_path / "sign"

    with workplace(broker, 1) as place:
        place.values([place.ask("leave_a_coroutine_behind", str(sign))])
        place.settles_at(OF_BROKER[kind])
        sign.touch()
        until(lambda: len(place.backends()) == OF_BROKER[kind] + 1)
        place.settles_at(OF_BROKER[kind])
