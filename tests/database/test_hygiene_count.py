"""How many connections a worker process has: one for each slot that uses the database, and two of its broker there."""

import pytest

from tests.database.hygiene import OF_BROKER, broker, kind, role_with, workplace

__all__ = ["broker", "kind"]
pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "postgres"])
SLOTS = 4


@pytest.mark.parametrize("tasks", [["in_a_thread"], ["on_the_loop"], ["in_a_thread", "on_the_loop"]])
def test_there_are_never_more_connections_than_slots_and_the_brokers_two(
    broker: str, kind: str, tasks: list[str]
) -> None:
    most = SLOTS + OF_BROKER[kind]

    with role_with(most) as role, workplace(broker, SLOTS, USER=role, CONN_MAX_AGE=None) as place:
        jobs = [place.ask(tasks[number % len(tasks)], SLOTS) for number in range(10 * SLOTS)]
        counted = place.values(jobs)

    assert max(counted) == most
    assert "too many connections" not in place.process.said


def test_jobs_that_touch_no_database_open_no_connection(broker: str, kind: str) -> None:
    with workplace(broker, SLOTS, CONN_MAX_AGE=None) as place:
        place.values([place.ask("nothing") for _ in range(10 * SLOTS)])
        place.settles_at(OF_BROKER[kind])
