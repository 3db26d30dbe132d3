"""The statistics' table: what stands in it, and that it does not grow for ever."""

import pytest

from ardiq_django.brokers.database import DatabaseBroker
from ardiq_django.exceptions import LeaseLost
from ardiq_django.models import Stat
from ardiq_django.statistics import BEGUN, Figures, Resolution
from tests.database.conftest import Outside, registered

ONE = Figures({BEGUN: 1})


def rows(broker: DatabaseBroker, alias: str) -> list[tuple[str, str]]:
    mine = Stat.objects.using(alias).filter(queue=broker.rules.queue)
    return list(mine.order_by("pk").values_list("resolution", "task"))


def test_a_sweep_removes_the_rows_of_buckets_beyond_their_time(
    broker: DatabaseBroker, alias: str, outside: Outside
) -> None:
    epoch = outside(registered(broker))
    outside(broker.report(epoch, 1, {"a": ONE, "b": ONE}))

    left = []
    for resolution in Resolution:
        broker.skew_ms = resolution.kept_ms + resolution.span_ms
        outside(broker.sweep())
        left.append({kept for kept, _ in rows(broker, alias)})

    assert left == [{"ten", "hour"}, {"hour"}, set()]


def test_a_report_that_is_refused_leaves_no_row(broker: DatabaseBroker, alias: str, outside: Outside) -> None:
    with pytest.raises(LeaseLost):
        outside(broker.report("never-registered", 1, {"a": ONE}))

    assert rows(broker, alias) == []


def test_names_that_a_database_refuses_or_cuts_are_told_together(
    broker: DatabaseBroker, alias: str, outside: Outside
) -> None:
    epoch, long = outside(registered(broker)), "t" * 255
    outside(broker.report(epoch, 1, {"nul \x00": ONE, f"{long}1": ONE, f"{long}2": ONE}))

    totals = outside(broker.totals(Resolution.HOUR, 0, 10**15))
    again = outside(broker.series(Resolution.HOUR, 0, 10**15, f"{long}3"))

    assert {task: figures.begun for task, figures in totals.items()} == {"nul \\x00": 1, long: 2}
    assert [point.figures.begun for point in again] == [2]
