"""Other arguments or another lane for a job that waits, by a form made from the signature of its task."""

import re
from html import unescape
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client

from ardiq_django import codec
from ardiq_django.brokers.base import Broker
from ardiq_django.dashboard.jobs.amend import AmendForm
from ardiq_django.handles import Task
from ardiq_django.reading import call_of
from ardiq_django.registry import ACT
from ardiq_django.results import State
from ardiq_django.wire import Amendment
from tests.admin.conftest import client_of, declared
from tests.admin.pages import Inline, get, job_url
from tests.admin.shop import INVOICE, Shop
from tests.admin.test_job_again import found

LANE, READ = "option-lane", "option-read"
EMPTY = {"order": "", "customer": "", "card": "", "rest": "", "extra": ""}
FIELD = re.compile(r'<textarea name="(\w+)"[^>]*>\n?(.*?)</textarea>', re.DOTALL)


def amend_url(shop: Shop, job_id: str) -> str:
    return job_url(shop.queue, job_id, "amend")


def form_of(client: Client, shop: Shop, job_id: str) -> dict[str, str]:
    """What a browser would send if nothing was typed."""
    page = get(client, amend_url(shop, job_id))
    (lane,) = re.findall(r'<option value="(\w+)" selected', page)
    (read,) = re.findall(f'name="{READ}" value="(\\w+)"', page)
    texts = {name: unescape(text).replace("\n", "\r\n") for name, text in FIELD.findall(page)}
    return {**texts, LANE: lane, READ: read}


def called_with(shop: Shop, job_id: str) -> dict[str, Any]:
    snapshot = found(shop, job_id)
    definition = shop.app.registry.tasks[snapshot.job.task]
    return dict(definition.bind(*call_of(snapshot, shop.app.decode)).arguments)


def waiting(shop: Shop, state: str, **fields: Any) -> str:
    return shop.put(4711, **fields) if state == "queued" else str(getattr(shop, state)(**fields))


@pytest.mark.parametrize("state", ["queued", "scheduled", "retrying"])
def test_a_waiting_job_is_given_other_arguments_and_another_lane(shop: Shop, admin_client: Client, state: str) -> None:
    job_id = waiting(shop, state, labels={"shop": "berlin"})
    before, url = found(shop, job_id), amend_url(shop, job_id)
    assert url in get(admin_client, job_url(shop.queue, job_id))
    form = form_of(admin_client, shop, job_id)

    response = admin_client.post(url, {**form, "order": "5", "customer": '{"name": "Anna"}', LANE: "high"})

    after = found(shop, job_id)
    assert response["Location"] == job_url(shop.queue, job_id)
    assert called_with(shop, job_id) == {"order": 5, "customer": {"name": "Anna"}}
    assert (after.job.lane, dict(after.job.labels)) == ("high", {"shop": "berlin"})
    assert (after.state, after.due_ms, after.tries) == (before.state, before.due_ms, before.tries)
    assert LogEntry.objects.get().change_message == "change: order, customer, lane=high"


def test_the_form_can_be_read_by_nobody_else_than_it_is_for(memory_shop: Shop, db: None) -> None:
    job_id = memory_shop.scheduled()
    url, page = amend_url(memory_shop, job_id), job_url(memory_shop.queue, job_id)
    every = {"view_job", "change_job", "view_job_payload", "reschedule_job", "enqueue_job", "delete_job", "retry_job"}

    for right in ("change_job", "view_job_payload"):
        refused = client_of(f"without {right}", *every - {right})
        assert refused.get(url).status_code == refused.post(url, EMPTY).status_code == 403
        assert url not in get(refused, page)
    allowed = client_of("allowed", "view_job", "change_job", "view_job_payload")
    assert url in get(allowed, page)
    assert allowed.post(url, form_of(allowed, memory_shop, job_id)).status_code == 302
    assert Client().post(url, EMPTY)["Location"].startswith("/admin/login/")


def test_without_a_token_nothing_is_done(memory_shop: Shop, admin_client: Client, admin_user: object) -> None:
    job_id = memory_shop.scheduled()
    form = form_of(admin_client, memory_shop, job_id)
    client = Client(enforce_csrf_checks=True)
    client.force_login(admin_user)  # type: ignore[arg-type]

    response = client.post(amend_url(memory_shop, job_id), {**form, LANE: "high"})

    assert response.status_code == 403
    assert found(memory_shop, job_id).job.lane == "default"


def test_what_is_masked_is_not_shown_and_stays(memory_shop: Shop, admin_client: Client) -> None:
    secrets = {"card": "4111-1111", "customer": {"password": "hunter2"}, "api_key": "k-1"}
    job_id = memory_shop.put(1, kwargs=secrets, delay_ms=60_000)
    page, form = get(admin_client, amend_url(memory_shop, job_id)), form_of(admin_client, memory_shop, job_id)

    admin_client.post(amend_url(memory_shop, job_id), {**form, "order": "2"})

    assert not any(secret in page for secret in ("4111-1111", "hunter2", "k-1"))
    assert page.count("leave it empty to keep it") == 3
    assert called_with(memory_shop, job_id) == {
        "order": 2, "card": "4111-1111", "customer": {"password": "hunter2"}, "extra": {"api_key": "k-1"},
    }  # fmt: skip
    assert LogEntry.objects.get().change_message == "change: order"


def test_what_is_masked_can_be_typed_anew(memory_shop: Shop, admin_client: Client) -> None:
    job_id = memory_shop.put(1, kwargs={"card": "4111-1111"}, delay_ms=60_000)
    form = form_of(admin_client, memory_shop, job_id)

    admin_client.post(amend_url(memory_shop, job_id), {**form, "card": "4222-2222"})

    assert called_with(memory_shop, job_id)["card"] == "4222-2222"
    assert "4222" not in LogEntry.objects.get().change_message


@pytest.mark.parametrize(
    "kwargs",
    [
        {"card": ""},
        {"customer": None},
        {"customer": "first\nsecond\r\nthird\rfourth"},
        {"customer": {"n": [1, 2.5, True, None], "text": "<b>&amp;ü"}},
        {"customer": b"\x00\xff"},
        {"more": "a\nb"},
    ],
)
def test_a_form_that_was_not_touched_changes_no_byte(
    memory_shop: Shop, admin_client: Client, kwargs: dict[str, Any]
) -> None:
    job_id = memory_shop.put(4711, kwargs=kwargs, delay_ms=60_000)
    before = found(memory_shop, job_id).job.call
    form = form_of(admin_client, memory_shop, job_id)

    admin_client.post(amend_url(memory_shop, job_id), form)
    untouched = found(memory_shop, job_id).job.call
    admin_client.post(amend_url(memory_shop, job_id), {**form, "order": "4712"})

    assert untouched == before
    assert called_with(memory_shop, job_id) == {**call_named(memory_shop, kwargs), "order": 4712}
    assert LogEntry.objects.count() == 1


def call_named(shop: Shop, kwargs: dict[str, Any]) -> dict[str, Any]:
    return dict(shop.app.registry.tasks[INVOICE].bind((0,), kwargs).arguments)


def test_text_keeps_its_line_ends(memory_shop: Shop, admin_client: Client) -> None:
    @memory_shop.app.task(name="shop.letter")
    def letter(text: str, note: str = "none") -> None:
        pass

    job_id = memory_shop.put("Dear\nAnna", "", task="shop.letter", delay_ms=60_000)
    form = form_of(admin_client, memory_shop, job_id)
    admin_client.post(amend_url(memory_shop, job_id), {**form, LANE: "high"})
    kept = called_with(memory_shop, job_id)
    form = form_of(admin_client, memory_shop, job_id)

    admin_client.post(amend_url(memory_shop, job_id), {**form, "text": "Dear\r\nBert"})

    assert kept == {"text": "Dear\nAnna", "note": ""}
    assert called_with(memory_shop, job_id) == {"text": "Dear\nBert", "note": ""}


@pytest.mark.parametrize("place", ["rest", "customer"])
def test_arguments_beside_others_stay_in_their_places(memory_shop: Shop, admin_client: Client, place: str) -> None:
    job_id = memory_shop.put(1, "Anna", "card", 8, 9, delay_ms=60_000)
    form = form_of(admin_client, memory_shop, job_id)

    admin_client.post(amend_url(memory_shop, job_id), {**form, place: "[5]"})

    expected = {"order": 1, "customer": "Anna", "card": "card", "rest": (8, 9)}
    assert called_with(memory_shop, job_id) == expected | {place: (5,) if place == "rest" else [5]}


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        ({"order": "{"}, "This is not JSON"),
        ({"order": ""}, "This field is required"),
        ({"rest": "5"}, "list is wanted"),
        ({"extra": '{"order": 7}'}, "order"),
        ({LANE: "nowhere"}, "Select a valid choice"),
        ({"customer": '"' + "x" * 2_000_000 + '"'}, "more than max_payload_bytes"),
    ],
)
def test_what_cannot_be_called_changes_nothing(
    memory_shop: Shop, admin_client: Client, typed: dict[str, str], told: str
) -> None:
    job_id = memory_shop.scheduled()
    before, form = found(memory_shop, job_id).job, form_of(admin_client, memory_shop, job_id)

    response = admin_client.post(amend_url(memory_shop, job_id), {**form, **typed})

    assert response.status_code == 200
    assert told in response.content.decode()
    assert found(memory_shop, job_id).job == before
    assert not LogEntry.objects.exists()


@pytest.mark.parametrize("state", [state for state in State if state not in ("queued", "scheduled", "retrying")])
def test_a_job_that_does_not_wait_is_not_changed(shop: Shop, admin_client: Client, state: State) -> None:
    job_id = getattr(shop, state)()
    url, page = amend_url(shop, job_id), job_url(shop.queue, job_id)

    response = admin_client.post(url, {**EMPTY, "order": "5", LANE: "high"}, follow=True)

    assert response.redirect_chain[-1][0] == page
    assert f"Not done: {INVOICE}" in unescape(response.content.decode())
    assert f"it is {state}" in response.content.decode()
    assert url not in get(admin_client, page)
    assert found(shop, job_id).job.lane == "default"


def test_a_job_that_was_claimed_meanwhile_runs_as_it_was(shop: Shop, admin_client: Client) -> None:
    job_id = shop.put(4711)
    form = form_of(admin_client, shop, job_id)
    (delivery,) = shop.run(shop.worker.claim(1))

    response = admin_client.post(amend_url(shop, job_id), {**form, "order": "5"}, follow=True)

    assert "it is running" in response.content.decode()
    assert called_with(shop, job_id) == {"order": 4711}
    assert delivery.job.id == job_id


def between(monkeypatch: pytest.MonkeyPatch, shop: Shop, happens: Any) -> None:
    """Let something happen after the job was read, and before the broker is asked to change it."""
    amend = shop.broker.amend

    async def late(changes: Any) -> Any:
        await happens
        return await amend(changes)

    monkeypatch.setattr(shop.broker, "amend", late)


@pytest.mark.parametrize(("what", "told"), [("claimed", "it is running"), ("deleted", "it is gone")])
def test_what_happens_in_the_last_moment_is_told(
    memory_shop: Shop, admin_client: Client, monkeypatch: pytest.MonkeyPatch, what: str, told: str
) -> None:
    job_id = memory_shop.put(4711)
    form, broker = form_of(admin_client, memory_shop, job_id), memory_shop.broker
    happens = memory_shop.worker.claim(1) if what == "claimed" else broker.delete([job_id])
    between(monkeypatch, memory_shop, happens)

    admin_client.post(amend_url(memory_shop, job_id), {**form, "order": "5"})

    page = admin_client.get("/admin/ardiq/job/").content.decode()
    assert told in page
    assert not LogEntry.objects.filter(change_message__startswith="change").exists()


def test_a_job_that_another_has_changed_meanwhile_is_shown_anew(shop: Shop, admin_client: Client) -> None:
    job_id = shop.scheduled()
    form, url = form_of(admin_client, shop, job_id), amend_url(shop, job_id)
    was = found(shop, job_id).job
    shop.run(shop.broker.amend([Amendment(was, "low", codec.encode([[1], {}]), was.digest)]))

    response = admin_client.post(url, {**form, "order": "5"}, follow=True)

    assert response.redirect_chain == [(url, 302)]
    assert "it was changed meanwhile" in response.content.decode()
    assert called_with(shop, job_id) == {"order": 1}
    assert form_of(admin_client, shop, job_id)["order"] == "1"


def test_the_mark_of_what_was_read_cannot_be_made_from_a_guess(memory_shop: Shop, settings: Any) -> None:
    snapshot = found(memory_shop, memory_shop.scheduled())
    read, again = [AmendForm(memory_shop.app, snapshot).read for _ in range(2)]

    settings.SECRET_KEY = "another one"

    assert read == again != AmendForm(memory_shop.app, snapshot).read


def enqueued(shop: Shop, *args: Any, **options: Any) -> str:
    task: Task[..., Any] = Task(shop.app, INVOICE, shop.app.registry.tasks[INVOICE])
    return task.options(delay_ms=60_000, enqueue_on_commit="never", **options).enqueue_sync(*args).id


def test_a_job_that_is_unique_by_its_call_keeps_its_arguments_and_may_change_its_lane(
    shop: Shop, admin_client: Client
) -> None:
    job_id = enqueued(shop, 4711, unique=True)
    form, url = form_of(admin_client, shop, job_id), amend_url(shop, job_id)

    refused = admin_client.post(url, {**form, "order": "5"}).content.decode()
    admin_client.post(url, {**form, LANE: "high"})

    assert "Its id is made of its arguments" in refused
    assert "only those that do not count for it can be changed" in get(admin_client, url)
    assert called_with(shop, job_id) == {"order": 4711}
    assert found(shop, job_id).job.lane == "high"
    assert enqueued(shop, 4711, unique=True) == job_id


def test_of_a_unique_job_arguments_change_that_do_not_count(memory_shop: Shop, admin_client: Client) -> None:
    def order_of(order: int, *_: Any, **__: Any) -> int:
        return order

    task = memory_shop.app.task(name="shop.once", unique=True, unique_key=order_of)(lambda order, note=None: None)
    job_id = task.options(delay_ms=60_000, enqueue_on_commit="never").enqueue_sync(7, "old").id
    form, url = form_of(admin_client, memory_shop, job_id), amend_url(memory_shop, job_id)

    refused = admin_client.post(url, {**form, "order": "8"}).content.decode()
    admin_client.post(url, {**form, "note": '"new"'})

    assert "Its id is made of its arguments" in refused
    assert called_with(memory_shop, job_id) == {"order": 7, "note": "new"}


def test_a_job_under_an_id_of_its_callers_is_known_by_its_new_call(shop: Shop, admin_client: Client) -> None:
    job_id = enqueued(shop, 4711, task_id="order-4711")
    form = form_of(admin_client, shop, job_id)

    admin_client.post(amend_url(shop, job_id), {**form, "order": "5"})

    assert enqueued(shop, 5, task_id="order-4711") == job_id
    with pytest.raises(Exception, match="order-4711"):
        enqueued(shop, 4711, task_id="order-4711")


@pytest.mark.parametrize("what", ["undeclared", "undecodable", "unfit", "ours"])
def test_what_no_form_can_be_made_of_has_none(shop: Shop, admin_client: Client, what: str) -> None:
    if what == "ours":
        shop.app.registry.tasks[ACT] = shop.app.registry.tasks[INVOICE]
    particular: dict[str, dict[str, Any]] = {
        "undeclared": {"task": "shop.nowhere"},
        "unfit": {"kwargs": {"order": 2}},  # twice
        "ours": {"task": ACT},
    }
    job_id = shop.put(4711, delay_ms=60_000, **particular.get(what, {}))
    if what == "undecodable":
        shop.corrupt(job_id)
    url = amend_url(shop, job_id)

    response = admin_client.get(url)

    assert (response.status_code, response["Location"]) == (302, job_url(shop.queue, job_id))
    assert url not in get(admin_client, job_url(shop.queue, job_id))


def test_what_was_typed_comes_back_as_text(memory_shop: Shop, admin_client: Client) -> None:
    job_id = memory_shop.put(4711, kwargs={"customer": "</textarea><xss>"}, delay_ms=60_000)
    form, url = form_of(admin_client, memory_shop, job_id), amend_url(memory_shop, job_id)

    shown = get(admin_client, url)
    page = admin_client.post(url, {**form, "order": "</textarea><xss onload=1>"}).content.decode()

    assert "errornote" in page
    assert "<xss" not in shown + page
    assert Inline(shown).found == Inline(page).found == []


def test_an_unknown_job_is_not_found(memory_shop: Shop, admin_client: Client) -> None:
    assert admin_client.get(job_url(memory_shop.queue, "nobody", "amend")).status_code == 404


def test_a_broker_that_is_down_is_told_of(admin_client: Client) -> None:
    with declared("memory://", "redis://127.0.0.1:1/0") as (_, down):
        responses = [getattr(admin_client, method)(job_url(down, "4711", "amend")) for method in ("get", "post")]
        shown = admin_client.get(responses[0]["Location"]).content.decode()

    assert [response.status_code for response in responses] == [302, 302]
    assert f"Queue {down} cannot be read" in shown


def test_a_look_changes_nothing(memory_shop: Shop, admin_client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    job_id = memory_shop.scheduled()
    before = found(memory_shop, job_id).job

    for verb in ("amend", "reschedule", "delete", "abort", "enqueue"):
        monkeypatch.setattr(Broker, verb, None)
        monkeypatch.setattr(type(memory_shop.broker), verb, None)
    get(admin_client, amend_url(memory_shop, job_id))

    monkeypatch.undo()
    assert found(memory_shop, job_id).job == before
    assert not LogEntry.objects.exists()
