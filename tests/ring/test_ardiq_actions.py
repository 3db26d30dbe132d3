"""`manage.py ardiq retry|abort|purge`: what they do, and what they refuse, on every broker."""

import re
import signal
from collections.abc import Iterator

import pytest
from django.core.management import CommandError
from pytest_django import Settings

from ardiq_django.declared import get_app
from ardiq_django.results import State
from tests.admin.conftest import opened
from tests.admin.shop import Shop
from tests.contract.conftest import address
from tests.ring.operating import ardiq, at_a_terminal, document, in_a_process

__all__ = ["address"]


@pytest.fixture
def shop(address: str) -> Iterator[Shop]:
    with opened(address) as shop:
        yield shop


def counted(shop: Shop) -> dict[State, int]:
    return {state: number for state, number in shop.run(shop.broker.counts()).items() if number}


def state_of(shop: Shop, job_id: str) -> State | None:
    snapshot = shop.run(shop.broker.get(job_id))
    return snapshot.state if snapshot else None


def test_jobs_that_are_named_are_queued_again(shop: Shop) -> None:
    ended = [shop.failed(), shop.aborted(), shop.expired()]

    code, said = ardiq("retry", *ended, *ended, "--yes")

    assert (code, said) == (0, f"queue {shop.queue}: retried 3 jobs\n")
    assert [state_of(shop, job_id) for job_id in ended] == [State.QUEUED] * 3


def test_a_named_job_that_is_refused_or_unknown_is_told_and_ends_with_1(shop: Shop) -> None:
    failed, done = shop.failed(), shop.succeeded()

    code, said = ardiq("retry", failed, done, "nobody", "--yes")

    assert code == 1
    assert f"queue {shop.queue}: retried 1 job, 1 refused in their state" in said
    assert f"refused  {done}  it is succeeded; retry takes failed, aborted, expired" in said
    assert "refused  nobody  no such job" in said
    assert (state_of(shop, failed), state_of(shop, done)) == (State.QUEUED, State.SUCCEEDED)


def test_what_is_done_already_is_no_refusal(shop: Shop) -> None:
    aborted = shop.aborted()

    told = ardiq("abort", aborted, "--yes", "--json")

    assert told.code == 0
    assert told.document["jobs"] == [
        {"queue": shop.queue, "id": aborted, "state": "aborted", "answer": "already"},
    ]


def test_a_running_job_is_aborted_by_its_worker(shop: Shop) -> None:
    running, waiting = shop.running(), shop.scheduled()

    said = ardiq("abort", "--all", "--yes").said

    assert f"queue {shop.queue}: aborted 2 jobs, 1 of them running, whose workers have been told" in said
    assert state_of(shop, waiting) is State.ABORTED
    assert list(shop.run(shop.worker.beat()).aborts) == [running]


def test_everything_that_matches_is_done_in_batches(shop: Shop) -> None:
    kept = shop.failed()
    shop.run(shop.broker.abort(shop.put_many(1_150)))

    told = document("retry", "--all", "--state", "aborted", "--yes")

    (tally, other) = told["queues"]
    assert tally["matched"] == tally["answers"]["done"] == 1_150
    assert other["matched"] == 0
    assert counted(shop) == {State.QUEUED: 1_150, State.FAILED: 1}
    assert state_of(shop, kept) is State.FAILED


def test_what_waits_is_purged_state_by_state_however_much_it_is(shop: Shop) -> None:
    shop.put_many(1_150)
    scheduled = shop.scheduled()

    told = document("purge", "--all", "--state", "queued", "--yes")

    assert told["queues"][0]["answers"]["done"] == 1_150
    assert counted(shop) == {State.SCHEDULED: 1}
    assert state_of(shop, scheduled) is State.SCHEDULED


def test_running_jobs_stay_in_the_list_and_each_is_told_once(shop: Shop) -> None:
    shop.put_many(510)
    shop.run(shop.worker.claim(505))

    told = document("abort", "--all", "--state", "running", "--yes")

    assert told["queues"][0]["answers"] == {"done": 505, "already": 0, "stale": 0, "gone": 0}
    assert counted(shop) == {State.QUEUED: 5, State.RUNNING: 505}


def test_a_filter_narrows_what_is_purged(shop: Shop) -> None:
    shop.put_many(3, task="shop.old")
    mail, other = shop.put(1, id="mail-1"), shop.put(1, id="parcel-1")

    assert document("purge", "--all", "--task", "shop.old", "--yes")["queues"][0]["answers"]["done"] == 3
    assert document("purge", "--all", "--search", "MAIL", "--since", "1h", "--yes")["queues"][0]["matched"] == 1

    assert (state_of(shop, mail), state_of(shop, other)) == (None, State.QUEUED)
    assert counted(shop) == {State.QUEUED: 1}


def test_what_waits_is_purged_at_once_and_the_rest_stays(shop: Shop) -> None:
    shop.one_of_each()

    code, said = ardiq("purge", "--waiting", "--yes", "--queue", shop.queue)

    assert (code, said) == (0, f"queue {shop.queue}: purged 3 jobs\n")
    assert set(counted(shop)) == set(State) - {State.QUEUED, State.SCHEDULED, State.RETRYING}


def test_a_dry_run_counts_and_changes_nothing(shop: Shop) -> None:
    made = shop.one_of_each()
    before = counted(shop)

    by_filter = [document(name, "--all", "--dry-run") for name in ("retry", "abort", "purge")]
    waiting = document("purge", "--waiting", "--dry-run")
    named = document("retry", made[State.FAILED], made[State.RUNNING], "nobody", "--dry-run")

    assert [told["queues"][0]["answers"]["done"] for told in by_filter] == [3, 4, 7]
    assert waiting["queues"][0]["answers"]["done"] == 3
    assert [job["answer"] for job in named["jobs"]] == ["done", "stale", "gone"]
    assert f"queue {shop.queue}: would retry 3 jobs" in ardiq("retry", "--all", "--dry-run").said
    assert counted(shop) == before


def test_an_id_in_two_queues_is_not_guessed_at(shop: Shop) -> None:
    shop.aborted(id="twin")
    other = get_app(shop.other)
    other.ref("shop.mail").options(task_id="twin").enqueue_sync()

    with pytest.raises(CommandError, match=f"job 'twin' stands in several queues: {shop.queue}, {shop.other}"):
        ardiq("retry", "twin", "--yes")

    assert ardiq("abort", "twin", "--queue", shop.other, "--yes").code == 0
    assert ardiq("retry", "twin", "--queue", shop.queue, "--yes").code == 0
    assert state_of(shop, "twin") is State.QUEUED


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["retry"], "say which jobs: either ids, or --all with a filter"),
        (["retry", "--state", "failed"], "say which jobs"),
        (["retry", "one", "--all"], "say which jobs"),
        (["retry", "one", "--task", "shop.mail"], "say which jobs"),
        (["purge", "--waiting", "--all"], "say which jobs"),
        (["retry", "--all", "--state", "running"], "invalid choice: 'running' (choose from "),
        (["purge", "--all", "--state", "running"], "invalid choice: 'running' (choose from "),
    ],
)
def test_it_must_be_said_which_jobs(arguments: list[str], sentence: str) -> None:
    with opened("memory://"), pytest.raises(CommandError, match=re.escape(sentence)):
        ardiq(*arguments, "--yes")


@pytest.mark.django_db(transaction=True)
def test_nothing_is_done_before_somebody_says_yes(settings: Settings) -> None:
    settings.ARDIQ = queues = {"default": {"BROKER": "database://default"}}
    job = get_app().ref("shop.mail").enqueue_sync()
    asked = "abort 1 job (default: 1)? [y/N]"

    alone = in_a_process(queues, "abort", "--all")
    no = at_a_terminal(queues, "n", "abort", "--all")
    cut = at_a_terminal(queues, signal.SIGINT, "abort", "--all")
    before = job.status_sync()
    yes = at_a_terminal(queues, "y", "abort", "--all")
    named = at_a_terminal(queues, "y", "purge", job.id)

    assert alone[:2] == (1, "")
    assert "abort 1 job (default: 1): nobody is here to be asked; say --yes" in alone[2]
    assert no.code == 1
    assert asked in no.said
    assert "nothing was done" in no.said
    assert cut.code == 130
    assert "interrupted; what was done until then stays done" in cut.said
    assert before == "queued"
    assert yes.code == 0
    assert "aborting default ████████████████████████ 100%  1 of 1 job" in yes.said
    assert "queue default: aborted 1 job" in yes.said
    assert "finding ░░░░░░░░" in named.said
    assert "purging default ████████████████████████ 100%  1 of 1 job" in named.said
    assert job.status_sync() == "not_found"
