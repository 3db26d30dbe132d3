"""The page of one job."""

import pytest
from django.contrib.messages import get_messages
from django.test import Client

from ardiq_django.results import Attempt, State
from ardiq_django.wire import WorkerCard
from tests.admin.conftest import declared
from tests.admin.pages import Inline, get, job_url, list_url
from tests.admin.shop import Shop
from tests.contract import makers

EVIL = "<script>alert('x')</script>"
EVIL_ESCAPED = "&lt;script&gt;alert(&#x27;x&#x27;)&lt;/script&gt;"


@pytest.mark.parametrize("state", list(State))
def test_a_job_of_each_state_is_shown(shop: Shop, reader: Client, state: State) -> None:
    job_id = shop.put(4711) if state is State.QUEUED else getattr(shop, state.value)()

    page = get(reader, job_url(shop.queue, job_id))

    assert f'<span class="ardiq-state ardiq-{state}">{state.capitalize()}</span>' in page
    assert job_id in page
    assert "4711" in page
    assert Inline(page).found == []


def test_arguments_are_shown_by_the_names_of_the_task(shop: Shop, reader: Client) -> None:
    job_id = shop.put(4711, {"email": "anna@example.org"}, kwargs={"note": "by hand"})

    named = _values(get(reader, job_url(shop.queue, job_id)))

    assert named == {"order": "4711", "customer": "{'email': 'anna@example.org'}", "note": "'by hand'"}


def test_sensitive_arguments_are_masked_wherever_they_stand(shop: Shop, reader: Client) -> None:
    job_id = shop.put(1, {"pin": "1234", "name": "anna"}, "4111-1111", kwargs={"pin": "5678", "api_token": "t0p"})

    page = get(reader, job_url(shop.queue, job_id))

    assert _values(page) == {
        "order": "1",
        "customer": "{'pin': '••••••', 'name': 'anna'}",
        "card": "••••••",
        "pin": "••••••",
        "api_token": "••••••",
    }
    assert not any(secret in page for secret in ("1234", "4111-1111", "5678", "t0p"))


def test_arguments_that_do_not_fit_the_task_any_more_reveal_none_that_may_be_sensitive(
    memory_shop: Shop, reader: Client
) -> None:
    job_id = memory_shop.put(kwargs={"card": "4111", "customer": "anna"})

    page = get(reader, job_url(memory_shop.queue, job_id))

    assert _values(page) == {"card": "••••••", "customer": "'anna'"}
    assert "do not fit the task" in page


def test_arguments_of_an_unknown_task_are_shown_by_their_place(memory_shop: Shop, reader: Client) -> None:
    job_id = memory_shop.put("berlin", task="shop.gone", kwargs={"full": True})

    page = get(reader, job_url(memory_shop.queue, job_id))

    assert _values(page) == {"0": "'berlin'", "full": "True"}
    assert "not declared in this process" in page


def test_a_result_is_shown(shop: Shop, reader: Client) -> None:
    job_id = shop.succeeded({"paid": True, "lines": (1, 2)})

    assert "{&#x27;paid&#x27;: True, &#x27;lines&#x27;: (1, 2)}" in get(reader, job_url(shop.queue, job_id))


def test_a_result_that_was_not_kept_is_said_to_be_so(memory_shop: Shop, reader: Client) -> None:
    job_id = memory_shop.settle(makers.success(memory_shop.claim(1), None))

    assert "No result is kept." in get(reader, job_url(memory_shop.queue, job_id))


def test_every_attempt_is_shown_with_its_traceback_the_newest_open(shop: Shop, reader: Client) -> None:
    delivery = shop.claim(4711)
    for _ in range(2):
        shop.settle(makers.retrying(delivery))
        delivery = shop.run(shop.worker.claim_one())
    job_id = shop.settle(makers.failure(delivery, "ValueError('no more')"))

    page = get(reader, job_url(shop.queue, job_id))

    assert page.count('<details class="ardiq-attempt ardiq-failed"') == 3
    assert page.index(">#3<") < page.index(">#2<") < page.index(">#1<")
    assert page.count(' id="ardiq-attempt-2" open>') == page.count(" open>") == 1
    assert page.count("Traceback: no") == page.count("log: no") == 3
    assert "ValueError(&#x27;no more&#x27;)" in page
    assert "3 of at most 5" in page


def test_nothing_a_job_says_acts_on_the_page(shop: Shop, reader: Client) -> None:
    attempt = Attempt(1, EVIL, 1, 2, EVIL, EVIL, EVIL, EVIL, EVIL)
    failed = shop.failed_with(attempt, EVIL)
    succeeded = shop.succeeded(EVIL, labels={EVIL: EVIL})
    waiting = shop.put(EVIL, {EVIL: EVIL}, id=EVIL, task=EVIL, kwargs={EVIL: EVIL})

    for url in (list_url(), list_url(task=EVIL), *(job_url(shop.queue, one) for one in (failed, succeeded, waiting))):
        page = get(reader, url)
        assert EVIL not in page
        assert EVIL_ESCAPED in page
        assert Inline(page).found == []


def test_a_job_that_cannot_be_decoded_is_shown_by_the_beginning_of_its_bytes(shop: Shop, reader: Client) -> None:
    job_id = shop.put(4711)
    shop.corrupt(job_id)

    page = get(reader, job_url(shop.queue, job_id))

    assert "The stored job cannot be decoded." in page
    assert r"b&#x27;\xc1\xff\x00&#x27;" in page
    assert job_id in get(reader, list_url())


def test_bytes_that_may_hold_what_is_sensitive_are_not_shown(memory_shop: Shop, reader: Client) -> None:
    job_id = memory_shop.put(call=b"\xc1 4111-1111")

    page = get(reader, job_url(memory_shop.queue, job_id))

    assert "The arguments cannot be decoded." in page
    assert "4111" not in page


def test_arguments_and_results_that_cannot_be_decoded_are_shown_by_the_beginning_of_their_bytes(
    shop: Shop, reader: Client
) -> None:
    broken = shop.put(call=b"\xc1 arguments" + b"." * 500, task="shop.plain")
    page = get(reader, job_url(shop.queue, broken))
    assert "The arguments cannot be decoded." in page
    assert r"b&#x27;\xc1 arguments...." in page
    assert "511 B" in page

    shop.run(shop.broker.delete([broken]))
    broken = shop.settle(makers.success(shop.claim(1), b"\xc1 result"))
    page = get(reader, job_url(shop.queue, broken))
    assert "The result cannot be decoded." in page
    assert r"b&#x27;\xc1 result&#x27;" in page


def test_what_is_too_long_for_a_page_is_cut(memory_shop: Shop, reader: Client) -> None:
    job_id = memory_shop.put("a" * 20_000, ["b" * 10] * 40_000)

    page = get(reader, job_url(memory_shop.queue, job_id))

    assert "more" in _values(page)["order"]
    assert len(page) < 100_000


def test_progress_is_shown(shop: Shop, reader: Client) -> None:
    job_id = shop.running()
    shop.tell_progress(job_id, 71, 100, "page 71")

    page = get(reader, job_url(shop.queue, job_id))

    assert '<progress value="71" max="100">' in page
    assert "page 71" in page


def test_a_waiting_job_says_why_it_waits(shop: Shop, reader: Client) -> None:
    job_id = shop.put(1)
    shop.run(shop.broker.pause())

    page = get(reader, job_url(shop.queue, job_id))

    assert "No worker serves this queue." in page
    assert "The queue is paused" in page

    shop.run(shop.broker.resume())
    shop.run(shop.broker.register(WorkerCard("e1", "web-3:811")))
    page = get(reader, job_url(shop.queue, job_id))

    assert "No worker serves" not in page
    assert "The queue is paused" not in page


@pytest.mark.parametrize("job_id", ["unique:4f2a", "cron:nightly:1", "ein Ärger/mit %2F?", "a" * 200])
def test_any_id_has_a_page(shop: Shop, reader: Client, job_id: str) -> None:
    shop.put(1, id=job_id)

    assert shop.queue in get(reader, job_url(shop.queue, job_id))
    assert "4711" not in get(reader, job_url(shop.queue, job_id, "history"))


@pytest.mark.parametrize("page", ["change", "history"])
def test_a_job_that_is_not_there_leads_away_with_a_message(memory_shop: Shop, reader: Client, page: str) -> None:
    response = reader.get(job_url(memory_shop.queue, "gone", page))

    assert response.status_code == 302
    (message,) = map(str, get_messages(response.wsgi_request))
    assert "exist" in message


@pytest.mark.parametrize("page", ["change", "history"])
def test_a_broker_that_is_down_leads_to_the_list_that_names_it(reader: Client, page: str) -> None:
    with declared("memory://", "redis://127.0.0.1:1/0") as (_, down):
        response = reader.get(job_url(down, "4711", page), follow=True)

    assert response.redirect_chain == [(list_url(queue=down), 302)]
    (message,) = map(str, get_messages(response.wsgi_request))
    assert message.startswith(f"Queue {down} cannot be read: ")


def test_a_queue_that_is_not_declared_has_no_jobs(memory_shop: Shop, reader: Client) -> None:
    assert reader.get(job_url("nobody", "4711")).status_code == 302
    assert reader.get(job_url("", "")).status_code == 302


def _values(page: str) -> dict[str, str]:
    """The arguments as they stand on the page."""
    import html
    import re

    found = re.findall(r"<dt><code>(.*?)</code></dt><dd><pre>(.*?)</pre></dd>", page, re.S)
    return {html.unescape(name): html.unescape(text) for name, text in found}
