"""Django's query language over a broker."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db import NotSupportedError
from django.db.models import Count, Max, Min, Q

from ardiq_django.dashboard.desk import Desk
from ardiq_django.dashboard.jobs.job import Job
from ardiq_django.dashboard.jobs.queryset import BrokerQuerySet
from tests.admin.shop import Shop


@pytest.fixture
def jobs(shop: Shop) -> BrokerQuerySet:
    return BrokerQuerySet.at(Desk())


def test_it_slices_counts_and_tells_whether_there_is_anything(shop: Shop, jobs: BrokerQuerySet) -> None:
    made = [shop.put(number, delay_ms=number * 60_000) for number in range(1, 6)][::-1]

    assert [job.job_id for job in jobs.order_by("-when")] == made
    assert [job.job_id for job in jobs[1:3]] == made[1:3]
    assert jobs[1:3].count() == 2
    assert jobs.count() == len(jobs) == 5
    assert bool(jobs)
    assert jobs[4].job_id == made[4]


def test_nothing_at_all_is_never_asked_for(shop: Shop, jobs: BrokerQuerySet) -> None:
    shop.put(1)

    assert list(jobs.none()) == []
    assert jobs.none().count() == 0
    assert jobs.filter(state="queued").filter(state="failed").count() == 0


def test_jobs_are_picked_by_their_keys(shop: Shop, jobs: BrokerQuerySet) -> None:
    first, second = shop.put(1), shop.put(2)
    keys = [f"{shop.queue}:{second}", f"{shop.queue}:gone", f"{shop.other}:{first}", f"{shop.queue}:{first}"]

    assert [job.job_id for job in jobs.filter(pk__in=keys)] == [second, first]
    assert [job.job_id for job in jobs.filter(pk__in=keys, queue=shop.other)] == []
    assert jobs.get(pk=keys[0]).job_id == second
    with pytest.raises(Job.DoesNotExist):
        jobs.get(pk=keys[1])


def test_a_row_is_not_a_row_of_the_table(shop: Shop, jobs: BrokerQuerySet) -> None:
    shop.put(1)

    with pytest.raises(Exception, match="the queue's broker, not a database"):
        jobs[0].save()


def test_the_bounds_of_when_are_known(shop: Shop, jobs: BrokerQuerySet) -> None:
    shop.put(1, delay_ms=2 * 24 * 3_600_000)
    shop.put(1)

    bounds = jobs.aggregate(first=Min("when"), last=Max("when"))

    assert bounds["last"] - bounds["first"] == pytest.approx(timedelta(days=2), abs=timedelta(minutes=1))
    assert len(jobs.datetimes("when", "day")) == 3


@pytest.mark.parametrize("name", sorted(BrokerQuerySet.CLOSED))
def test_what_would_answer_wrongly_is_closed(memory_shop: Shop, name: str) -> None:
    with pytest.raises(NotSupportedError, match=name):
        getattr(BrokerQuerySet.at(Desk()), name)()


@pytest.mark.parametrize(
    "narrow",
    [
        lambda jobs: jobs.filter(~Q(task="a")),
        lambda jobs: jobs.filter(Q(task="a") | Q(state="failed")),
        lambda jobs: jobs.filter(Q(task__icontains="a") | Q(job_id__icontains="b")),
        lambda jobs: jobs.filter(task__startswith="a"),
        lambda jobs: jobs.filter(task="a").filter(task="b"),
        lambda jobs: jobs.filter(when__year=2026),
        lambda jobs: jobs.order_by("task"),
        lambda jobs: jobs.order_by("-when").reverse(),
    ],
)
def test_what_a_broker_does_not_know_raises(
    memory_shop: Shop, narrow: Callable[[BrokerQuerySet], BrokerQuerySet]
) -> None:
    jobs = BrokerQuerySet.at(Desk())

    with pytest.raises(NotSupportedError):
        list(narrow(jobs))


def test_only_the_bounds_of_when_are_aggregated(memory_shop: Shop) -> None:
    with pytest.raises(NotSupportedError):
        BrokerQuerySet.at(Desk()).aggregate(number=Count("pk"))
    with pytest.raises(NotSupportedError):
        BrokerQuerySet.at(Desk()).aggregate(last=Max("task"))
