"""Enqueue belongs to the caller's transaction, whoever calls it and however."""

from contextlib import suppress

import pytest
from asgiref.sync import async_to_sync
from django.db import transaction

from ardiq_django.brokers.base import QueueRules
from ardiq_django.brokers.database import DatabaseBroker
from ardiq_django.models import Job
from ardiq_django.wire import Acceptance, Answer
from tests.database.conftest import Outside, job


class Regretted(Exception):
    """Why a transaction is rolled back."""


def test_a_job_exists_once_its_transaction_commits(broker: DatabaseBroker, alias: str, outside: Outside) -> None:
    staged = job()
    with transaction.atomic(using=alias):
        answers = broker.run_sync(broker.enqueue([staged]))
        during = outside(broker.get(staged.id))

    assert answers == [Acceptance.CREATED]
    assert during is None
    assert outside(broker.get(staged.id)) is not None


@pytest.mark.parametrize("number", [1, 2, 1_500])
def test_jobs_of_a_transaction_that_is_rolled_back_never_were(
    broker: DatabaseBroker, alias: str, outside: Outside, number: int
) -> None:
    with suppress(Regretted), transaction.atomic(using=alias):
        broker.run_sync(broker.enqueue([job() for _ in range(number)]))
        raise Regretted

    assert outside(broker.size()) == 0


def test_a_savepoint_takes_only_its_own_jobs_back(broker: DatabaseBroker, alias: str, outside: Outside) -> None:
    kept, lost = job(), job()
    with transaction.atomic(using=alias):
        broker.run_sync(broker.enqueue([kept]))
        with suppress(Regretted), transaction.atomic(using=alias):
            broker.run_sync(broker.enqueue([lost]))
            raise Regretted

    assert outside(broker.get(kept.id)) is not None
    assert outside(broker.get(lost.id)) is None


def test_async_code_called_from_a_transaction_enqueues_in_it(
    broker: DatabaseBroker, alias: str, outside: Outside
) -> None:
    staged = job()
    with suppress(Regretted), transaction.atomic(using=alias):
        answers = async_to_sync(broker.enqueue)([staged])
        inside = broker.run_sync(broker.get(staged.id))
        raise Regretted

    assert answers == [Acceptance.CREATED]
    assert inside is not None
    assert outside(broker.get(staged.id)) is None


def test_async_code_enqueues_at_once_where_there_is_no_transaction(broker: DatabaseBroker, outside: Outside) -> None:
    staged = job()

    answers = outside(broker.enqueue([staged]))

    assert answers == [Acceptance.CREATED]
    assert outside(broker.get(staged.id)) is not None


@pytest.mark.parametrize("number", [1, 3])
def test_an_id_that_is_known_leaves_the_transaction_whole(
    broker: DatabaseBroker, alias: str, outside: Outside, number: int
) -> None:
    known = [job(token="t") for _ in range(number)]
    broker.run_sync(broker.enqueue(known))
    others = [job(id=one.id, token="u") for one in known]
    new = job()

    with transaction.atomic(using=alias):
        answers = broker.run_sync(broker.enqueue(others))
        broker.run_sync(broker.enqueue([new]))
        rows = Job.objects.using(alias).filter(queue=broker.rules.queue).count()

    assert answers == [Acceptance.CONFLICT] * number
    assert rows == number + 1
    assert outside(broker.get(new.id)) is not None


def test_a_job_of_an_open_transaction_is_not_handed_out(broker: DatabaseBroker, alias: str, outside: Outside) -> None:
    with transaction.atomic(using=alias):
        broker.run_sync(broker.enqueue([job()]))
        during = outside(broker.size()), broker.run_sync(broker.size())

    assert during == (0, 1)
    assert outside(broker.size()) == 1


@pytest.mark.django_db(databases=["default"])
def test_a_test_case_that_never_commits_sees_its_jobs() -> None:
    broker = DatabaseBroker("database://default", QueueRules("t-case"))
    first, second = job(), job()

    broker.run_sync(broker.enqueue([first]))
    async_to_sync(broker.enqueue)([second])

    assert broker.run_sync(broker.size()) == 2
    assert broker.run_sync(broker.abort([first.id])) == [Answer.DONE]
