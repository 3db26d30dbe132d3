"""Transactions that a job leaves open: rolled back with their locks, named in the log, met by no other job."""

import pytest

from tests.database.hygiene import broker, kind, workplace
from tests.database.orm_jobs import WAYS
from tests.ring.processes import until
from tests.shop.models import Order

__all__ = ["broker", "kind"]
pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "postgres"])
POOL = {"OPTIONS": {"pool": {"min_size": 1, "max_size": 2}}}


@pytest.mark.parametrize("database", [{}, {"CONN_MAX_AGE": None}, POOL], ids=["closed", "kept", "pool"])
def test_a_transaction_left_open_holds_no_lock_and_is_named(broker: str, database: dict[str, object]) -> None:
    orders = Order.objects.using("postgres")
    orders.create(name="first")

    with workplace(broker, 1, **database) as place:
        for way in WAYS:
            for where in ("in_a_thread", "on_the_loop"):
                job = place.ask(f"leave_open_{where}", way)
                place.values([job])
                assert orders.get().name != "locked"
                assert orders.update(name="free") == 1
                place.values([place.ask("rename", f"after {way} {where}")])
                assert orders.get().name == f"after {way} {where}"
                assert place.process.said.count(f"job left a transaction open id={job.id} task=") == 1
        assert place.process.said.count("left a transaction open") == 2 * len(WAYS)


def test_a_thread_of_the_loop_leaves_no_transaction_open(broker: str) -> None:
    with workplace(broker, 1) as place:
        job = place.ask("leave_open_in_a_loops_thread")
        place.values([job])
        until(lambda: f"job left a transaction open id={job.id}" in place.process.said)
