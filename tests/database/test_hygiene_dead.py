"""Connections that the server has ended: no job begins with one, and only the job that used it fails."""

import pytest
from django.db import connections

from tests.database.hygiene import ALIAS, OF_BROKER, Workplace, broker, kind, workplace
from tests.ring.processes import until

__all__ = ["broker", "kind"]
pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "postgres"])
PLACES = ["in_a_thread", "on_the_loop"]
POOL = {"OPTIONS": {"pool": {"min_size": 1, "max_size": 3}}}


def end_all(place: Workplace) -> None:
    """What a restart of the server, or its limit for idle connections, does."""
    before = place.backends()
    with connections[ALIAS].cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(pid) FROM unnest(%s::int[]) AS pid", [list(before)])
    until(lambda: not before & place.backends())


@pytest.mark.parametrize("database", [{"CONN_MAX_AGE": None}, {"CONN_MAX_AGE": 60}, POOL], ids=["kept", "60", "pool"])
def test_a_connection_that_died_between_jobs_is_met_by_none(broker: str, database: dict[str, object]) -> None:
    with workplace(broker, 1, **database) as place:
        (before,) = place.values([place.ask("backend_in_a_thread")])
        for where in PLACES * 2:
            end_all(place)
            (after,) = place.values([place.ask(f"backend_{where}")])
            assert after != before
            before = after


def test_a_connection_that_dies_in_a_job_fails_that_job_alone(broker: str, kind: str) -> None:
    with workplace(broker, 1, CONN_MAX_AGE=None) as place:
        for where in PLACES:
            died = place.done(f"die_{where}")
            assert (died.success, died.value.partition("(")[0]) == (False, "OperationalError")
            place.values([place.ask(f"backend_{after}") for after in PLACES])
        place.settles_at(1 + OF_BROKER[kind])
        retried = place.done("die_once")

    assert (retried.success, retried.tries) == (True, 2)
