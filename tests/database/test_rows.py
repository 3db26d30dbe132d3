"""What stands in a row: awkward text, large values, records of every end."""

from dataclasses import replace

import pytest

from ardiq_django.brokers.database import DatabaseBroker
from ardiq_django.clock import new_epoch
from ardiq_django.results import Attempt, State
from ardiq_django.snapshot import Query
from ardiq_django.statistics import BEGUN, Figures, Resolution
from ardiq_django.wire import Acceptance, Answer, Delivery, Exchange, Failed, Occurrence, Retrying, WorkerCard
from tests.database.conftest import Outside, job, registered

AWKWARD = "null \x00 and lone \ud800 surrogates"
ALIKE = ["e", "E", "\u00e9", "e ", "\u24d4", "e\u0301"]  # what the one or other collation takes for the same
STORED = "null \\x00 and lone \\ud800 surrogates"


def awkward(delivery: Delivery) -> Attempt:
    return Attempt(delivery.tries, "failed", 1_000, 2_000, "w" * 300, AWKWARD, AWKWARD, AWKWARD * 1_000, AWKWARD)


def test_names_that_differ_at_all_are_different(broker: DatabaseBroker, outside: Outside) -> None:
    jobs = [job(id=name, task=name) for name in ALIKE]
    epoch = outside(registered(broker))
    now = outside(broker.now_ms())
    occurrences = [Occurrence(name, now, job()) for name in ALIKE]

    assert outside(broker.enqueue(jobs)) == [Acceptance.CREATED] * len(ALIKE)
    outside(broker.report(epoch, 1, {name: Figures({BEGUN: 1}) for name in ALIKE}))
    totals = outside(broker.totals(Resolution.HOUR, 0, 10**15))
    assert [outside(broker.get(name)).job.task for name in ALIKE] == ALIKE
    assert [outside(broker.page(Query([State.QUEUED], task=name))).total for name in ALIKE] == [1] * len(ALIKE)
    assert sorted(totals) == sorted(ALIKE)
    assert outside(broker.stage(occurrences)) == [True] * len(ALIKE)


def test_queues_and_lanes_that_differ_in_case_are_different(broker: DatabaseBroker, outside: Outside) -> None:
    other = DatabaseBroker(broker.address, replace(broker.rules, queue=broker.rules.queue.upper()))
    outside(broker.enqueue([job(lane="low"), job(lane="LOW")]))
    outside(other.pause())
    epoch = outside(registered(broker))

    turn = outside(broker.exchange(Exchange(epoch, 1, "a", (), 5, ("low",))))
    sizes = outside(broker.size()), outside(other.size())
    outside(other.close())

    assert len(turn.deliveries) == 1
    assert sizes == (1, 0)


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
