"""Acting on every job that a list is about: asked, bounded by a moment, on record, and by a job where it is much."""

import asyncio
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.contrib.messages import get_messages
from django.test import Client

from ardiq_django.dashboard.jobs import bulk
from ardiq_django.operating import act
from ardiq_django.operating.action import ABORT, BATCH
from ardiq_django.operating.bulk import Bulk
from ardiq_django.registry import ACT
from ardiq_django.results import State
from ardiq_django.snapshot import Page, Query
from tests.admin.conftest import client_of, declared
from tests.admin.pages import get, job_url, list_url
from tests.admin.shop import HOUR_MS, Shop
from tests.contract import makers

ALL = {"index": "0", "select_across": "1", "_selected_action": "any"}


def ask(client: Client, action: str, terms: dict[str, str], **sent: str) -> Any:
    return client.post(list_url(**terms), {**ALL, "action": action, **sent})


def sure(client: Client, action: str, terms: dict[str, str], **sent: str) -> Any:
    return ask(client, action, terms, confirmed="yes", **sent)


def said(response: Any) -> list[str]:
    return [str(message) for message in get_messages(response.wsgi_request)]


def counts(shop: Shop) -> dict[State, int]:
    return {state: number for state, number in shop.run(shop.broker.counts()).items() if number}


def now_ms(shop: Shop) -> int:
    return shop.run(shop.broker.now_ms())


def test_it_is_asked_with_the_number_the_filter_and_the_moment(shop: Shop, admin_client: Client) -> None:
    for _ in range(3):
        shop.failed()
    shop.failed(task="shop.other")

    response = ask(admin_client, "retry", {"state": "failed", "task": "shop.invoice"})

    assert response.context["number"] == 3
    assert response.context["is_capped"] is False
    assert ("task", "shop.invoice") in response.context["words"]
    page = response.content.decode()
    assert "Are you sure?" in page
    assert 'name="as_of"' in page
    assert counts(shop) == {State.FAILED: 4}


def test_once_confirmed_it_is_done_to_all_that_match_and_one_entry_says_so(shop: Shop, admin_client: Client) -> None:
    for _ in range(3):
        shop.failed()
    shop.failed(task="shop.other")

    response = sure(admin_client, "retry", {"state": "failed", "task": "shop.invoice"})

    assert counts(shop) == {State.FAILED: 1, State.QUEUED: 3}
    assert said(response) == ["3 jobs: queued again."]
    entry = LogEntry.objects.get()
    assert entry.change_message.startswith(f"retry: queue {shop.queue}, state failed, task shop.invoice; as of ")
    assert entry.change_message.endswith("3 retried (3)")


def test_what_failed_after_the_list_was_made_is_left_alone(shop: Shop, admin_client: Client) -> None:
    before = shop.failed()
    listed = admin_client.get(list_url(state="failed"))
    after = shop.settle(makers.failure(shop.claim(4711), finish_ms=now_ms(shop) + 60_000))

    sure(admin_client, "retry", {"state": "failed"}, as_of=str(listed.context["as_of_ms"]))

    states = [snapshot.state for job_id in (before, after) if (snapshot := shop.run(shop.broker.get(job_id)))]
    assert states == [State.QUEUED, State.FAILED]
    assert 'name="as_of" value="' in listed.content.decode()


def test_what_was_scheduled_after_the_list_was_made_is_left_alone(shop: Shop, admin_client: Client) -> None:
    before = shop.put(1, delay_ms=HOUR_MS, enqueued_ms=now_ms(shop) - 60_000)
    after = shop.put(1, delay_ms=HOUR_MS, enqueued_ms=now_ms(shop) + 60_000)

    sure(admin_client, "abort", {"state": "scheduled"}, as_of=str(now_ms(shop)))

    states = [snapshot.state for job_id in (before, after) if (snapshot := shop.run(shop.broker.get(job_id)))]
    assert states == [State.ABORTED, State.SCHEDULED]


@pytest.mark.parametrize("as_of", ["99999999999999", "tomorrow", "-5", ""])
def test_a_moment_that_is_forged_is_now(shop: Shop, admin_client: Client, as_of: str) -> None:
    shop.failed()

    response = ask(admin_client, "retry", {"state": "failed"}, as_of=as_of)

    (told,) = [int(value) for name, value in response.context["fields"] if name == "as_of"]
    assert told <= now_ms(shop)
    assert response.context["number"] == 1


@pytest.mark.parametrize(
    ("action", "after"),
    [
        ("retry", {State.QUEUED: 5, State.SUCCEEDED: 1, State.SCHEDULED: 1, State.RETRYING: 1, State.RUNNING: 1}),
        ("remove", {State.RUNNING: 1}),
    ],
)
def test_without_a_state_it_is_done_where_it_can_be(
    shop: Shop, admin_client: Client, action: str, after: dict[State, int]
) -> None:
    shop.one_of_each()
    shop.put(1)

    sure(admin_client, action, {})

    assert counts(shop) == after


def test_all_that_wait_for_their_time_are_made_due(shop: Shop, admin_client: Client) -> None:
    shop.scheduled()
    shop.retrying()

    response = sure(admin_client, "run-now", {})

    assert said(response) == ["2 jobs: due now."]
    assert all(row.due_ms <= row.now_ms for row in shop.run(shop.broker.page(Query())).rows)


def test_what_changed_meanwhile_is_counted_with_the_reason(
    shop: Shop, admin_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = [shop.failed() for _ in range(3)]
    page = shop.broker.page

    async def overtaken(query: Query) -> Page:
        found = await page(query)
        if query.limit == BATCH:
            await shop.broker.replay(ids[:1])
            await shop.broker.delete(ids[1:2])
        return found

    monkeypatch.setattr(shop.broker, "page", overtaken)
    response = sure(admin_client, "retry", {"state": "failed"})

    done, *refused = said(response)
    assert done == "1 job: queued again."
    assert sorted(refused) == ["1 job was not: it is gone.", "1 job was not: it is queued."]


def test_nothing_to_be_done_is_said(shop: Shop, admin_client: Client) -> None:
    shop.succeeded()

    page = ask(admin_client, "retry", {"state": "succeeded"}).content.decode()

    assert "There is no such job to do this to." in page


@pytest.mark.parametrize("action", ["retry", "abort", "remove", "run-now"])
def test_it_needs_the_right(memory_shop: Shop, action: str) -> None:
    memory_shop.failed()
    memory_shop.scheduled()
    before = counts(memory_shop)
    rights = {"retry": "retry_job", "run-now": "reschedule_job", "abort": "abort_job", "remove": "delete_job"}
    others = [right for name, right in rights.items() if name != action]

    sure(client_of("other", "view_job", *others), action, {})
    refused = sure(client_of("blind", rights[action]), action, {})

    assert refused.status_code == 403
    assert counts(memory_shop) == before
    assert not LogEntry.objects.exists()
    sure(client_of("allowed", "view_job", rights[action]), action, {})
    assert LogEntry.objects.count() == 1


def test_a_broker_that_is_down_is_told(admin_client: Client) -> None:
    with declared("redis://127.0.0.1:1/0"):
        response = sure(admin_client, "retry", {})

    assert response.status_code == 302
    assert said(response)


# more than one request does


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk, "INLINE", 3)


def work(shop: Shop) -> None:
    """Let a worker run what is queued."""
    act.register(shop.app)
    shop.app.override(burst=True)
    asyncio.run(shop.app.run())


def led_to(shop: Shop, response: Any) -> str:
    """The id of the job to whose page the answer leads."""
    (job_id,) = [row.job.id for row in shop.run(shop.broker.page(Query(task=ACT))).rows]
    assert response["Location"] == job_url(shop.queue, job_id)
    return job_id


def result(shop: Shop, job_id: str) -> Any:
    found = shop.app.job(job_id).result_sync()
    assert found is not None
    return found


@pytest.mark.django_db(transaction=True)
def test_much_becomes_a_job_whose_worker_does_it(shop: Shop, admin_client: Client, few: None) -> None:
    for _ in range(4):
        shop.failed()

    response = sure(admin_client, "remove", {"state": "failed"})
    job_id = led_to(shop, response)
    assert counts(shop) == {State.FAILED: 4, State.QUEUED: 1}
    work(shop)

    assert result(shop, job_id).value == {"done": 4, "refused": {}}
    assert counts(shop) == {State.SUCCEEDED: 1}
    entry = LogEntry.objects.get()
    assert entry.change_message.endswith(f"; as job {job_id} (4)")


@pytest.mark.django_db(transaction=True)
def test_it_takes_the_most_urgent_lane_and_the_same_order_is_one_job(
    memory_shop: Shop, admin_client: Client, few: None
) -> None:
    for _ in range(4):
        memory_shop.failed()
    as_of = str(now_ms(memory_shop))

    first = sure(admin_client, "remove", {"state": "failed"}, as_of=as_of)
    second = sure(admin_client, "remove", {"state": "failed"}, as_of=as_of)

    job_id = led_to(memory_shop, first)
    assert second["Location"] == first["Location"]
    found = memory_shop.run(memory_shop.broker.get(job_id))
    assert found is not None
    assert found.job.lane == "high"


def order(shop: Shop, verb: str) -> dict[str, Any]:
    return {"verb": verb, "as_of_ms": now_ms(shop) + 1, "query": {"states": ["failed"]}, "sieve": {}}


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("verb", "right", "why"),
    [("drop", "delete_job", "there is no act 'drop'"), ("purge", "retry_job", "may not purge jobs")],
)
def test_a_worker_refuses_what_is_unknown_or_not_allowed(memory_shop: Shop, verb: str, right: str, why: str) -> None:
    client_of("anna", "view_job", right)
    memory_shop.failed()
    anna = User.objects.get(username="anna")
    job_id = memory_shop.app.ref(ACT).enqueue_sync(order(memory_shop, verb), str(anna.pk)).id

    work(memory_shop)

    assert counts(memory_shop)[State.FAILED] == 2
    assert why in str(result(memory_shop, job_id).error)


@pytest.mark.django_db(transaction=True)
def test_done_twice_it_does_nothing_more(shop: Shop, admin_user: User) -> None:
    shop.failed()
    orders = [shop.app.ref(ACT).enqueue_sync(order(shop, "purge"), str(admin_user.pk)).id for _ in range(2)]

    work(shop)

    done = [result(shop, job_id).value["done"] for job_id in orders]
    assert sorted(done) == [0, 1]


def test_more_than_the_broker_looks_at_is_done_all_the_same(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ardiq_django.operating.matched.WINDOW", 3)
    monkeypatch.setattr("ardiq_django.operating.matched.BATCH", 2)
    shop.put_many(9)

    *_, tally = Bulk(ABORT, Query(), now_ms(shop) + 1).act(shop.app)

    assert tally.done == 9
    assert counts(shop) == {State.ABORTED: 9}


def test_the_name_of_the_task_is_nobody_elses(memory_shop: Shop) -> None:
    with pytest.raises(ValueError, match="kept for the admin's own task"):
        memory_shop.app.task(name=ACT)(order)


def test_a_process_that_is_no_worker_offers_no_such_task(memory_shop: Shop, admin_client: Client) -> None:
    get(admin_client, list_url())

    assert ACT not in memory_shop.app.tasks
