"""Which jobs an attempt enqueued, and what it logged: kept with its end, or with what went before."""

from collections.abc import Callable

import msgspec
import pytest

from ardiq_django.results import Attempt, State
from ardiq_django.wire import Aborted, Acceptance, Delivery, End, Failed, Outcome, Retrying, pack
from tests.contract.keep import Keep
from tests.contract.makers import cancelled, failure, retrying, success

TOLD = ("default:a", "other:b", "+7")
LOGS = "one\nand another: \N{SNOWMAN} 'quoted'"


UNSUCCESSFUL: dict[str, Callable[[Delivery], Failed | Aborted | Retrying]] = {
    "failure": failure,
    "cancelled": cancelled,
    "retrying": retrying,
}


def with_children(name: str, delivery: Delivery) -> Outcome:
    """An outcome of that kind, whose attempt enqueued some."""
    if name == "success":
        return msgspec.structs.replace(success(delivery), children=TOLD, logs=LOGS)
    outcome = UNSUCCESSFUL[name](delivery)
    return msgspec.structs.replace(outcome, attempt=msgspec.structs.replace(outcome.attempt, children=TOLD, logs=LOGS))


@pytest.mark.parametrize("name", ["success", "failure", "cancelled", "retrying"])
async def test_an_attempt_keeps_which_jobs_it_enqueued(keep: Keep, name: str) -> None:
    worker = await keep.worker()
    await keep.put(), await keep.put()
    delivery, beside = await worker.claim(2)

    await worker.settle(with_children(name, delivery), success(beside))

    found = await keep.broker.get(delivery.job.id)
    childless = await keep.broker.get(beside.job.id)
    assert found is not None
    assert childless is not None
    assert childless.end is not None
    assert found.children == (["default:a", "other:b"], 7)
    assert childless.children == ([], 0)
    kept = found.end if name == "success" else found.attempts[0]
    assert kept is not None
    assert kept.logs == LOGS
    assert childless.end.logs == ""


async def test_children_of_several_attempts_are_told_together(keep: Keep) -> None:
    worker = await keep.worker()
    await keep.put()
    await worker.settle(with_children("retrying", await worker.claim_one()))
    delivery = await worker.claim_one()

    await worker.settle(msgspec.structs.replace(success(delivery), children=("default:c", "+1")))

    found = await keep.broker.get(delivery.job.id)
    assert found is not None
    assert found.children == (["default:a", "other:b", "default:c"], 8)


async def test_a_new_run_under_the_same_id_has_no_children_of_the_last_one(keep: Keep) -> None:
    worker = await keep.worker()
    await keep.put(id="again", token="1", digest="d", replaces=True)
    await worker.settle(with_children("success", await worker.claim_one()))

    answer = await keep.broker.enqueue([keep.job(id="again", token="2", digest="d", replaces=True)])

    found = await keep.broker.get("again")
    assert answer == [Acceptance.CREATED]
    assert found is not None
    assert found.children == ([], 0)


async def test_a_stale_attempt_writes_no_children(keep: Keep) -> None:
    worker = await keep.worker()
    await keep.put()
    delivery = await worker.claim_one()
    await worker.settle(success(delivery))

    await worker.exchange(with_children("success", delivery))

    found = await keep.broker.get(delivery.job.id)
    assert found is not None
    assert found.children == ([], 0)


async def test_several_jobs_are_read_at_once(keep: Keep) -> None:
    first, second = await keep.put(), await keep.put()

    found = await keep.broker.get_many([second.id, "nobody", first.id, second.id])

    assert {job_id: one.state for job_id, one in found.items()} == dict.fromkeys((first.id, second.id), State.QUEUED)
    assert await keep.broker.get_many([]) == {}


def test_what_was_written_before_there_were_children_is_read() -> None:
    end = End(State.SUCCEEDED, 1, 0, 2, 3, "w", "e.1", 4)
    attempt = Attempt(1, "failed", 2, 3, "w")

    old = [msgspec.msgpack.encode(msgspec.msgpack.decode(pack(one))[:-new]) for one, new in ((end, 2), (attempt, 1))]

    assert msgspec.msgpack.decode(old[0], type=End) == end
    assert msgspec.msgpack.decode(old[1], type=Attempt) == attempt
