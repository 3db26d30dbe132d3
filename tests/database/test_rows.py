"""What stands in a row: awkward text, large values, records of every end."""

import pytest

from ardiq_django.brokers.database import DatabaseBroker
from ardiq_django.clock import new_epoch
from ardiq_django.results import Attempt, State
from ardiq_django.wire import Answer, Delivery, Exchange, Failed, Retrying, WorkerCard
from tests.database.conftest import Outside, job

AWKWARD = "null \x00 and lone \ud800 surrogates"
STORED = "null \\x00 and lone \\ud800 surrogates"


def awkward(delivery: Delivery) -> Attempt:
    return Attempt(delivery.tries, "failed", 1_000, 2_000, "w" * 300, AWKWARD, AWKWARD, AWKWARD * 1_000, AWKWARD)


@pytest.mark.parametrize("retried", [True, False])
def test_text_that_a_database_refuses_is_written_as_escapes(
    broker: DatabaseBroker, outside: Outside, retried: bool
) -> None:
    epoch, staged = new_epoch(), job(task="t" * 300)
    outside(broker.enqueue([staged]))
    outside(broker.register(WorkerCard(epoch, "w" * 300)))
    (delivery,) = outside(broker.exchange(Exchange(epoch, 1, "w" * 300, (), 1, ("default",)))).deliveries
    attempt = awkward(delivery)
    outcome = Retrying(delivery, attempt, 60_000) if retried else Failed(delivery, attempt, AWKWARD, 0)

    turn = outside(broker.exchange(Exchange(epoch, 2, "w" * 300, [outcome])))

    snapshot = outside(broker.get(staged.id))
    assert turn.answers == [Answer.DONE]
    assert snapshot.job.task == "t" * 300
    assert [(one.message, one.logs) for one in snapshot.attempts] == [(STORED, STORED)]
    assert snapshot.state is (State.RETRYING if retried else State.FAILED)
    assert retried or snapshot.end.reason == STORED
