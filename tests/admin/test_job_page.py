"""What one job's page tells beside the job's own record: why it waits, its attempts, its runs, its relatives."""

import re
from typing import Any

import msgspec
import pytest
from django.contrib.admin.utils import quote
from django.test import Client
from django.urls import reverse

from ardiq_django.lineage import BY, PARENT
from ardiq_django.results import State
from ardiq_django.wire import WorkerCard
from tests.admin.conftest import client_of
from tests.admin.pages import Inline, get, job_url
from tests.admin.shop import Shop
from tests.contract import makers


def hints(page: str) -> str:
    """What the page says of the job's waiting."""
    return " ".join(re.findall(r'<p class="ardiq-hint">(.*?)</p>', page, re.S))


def bars(page: str) -> list[str]:
    """The tones of the bars of the last runs, from the left."""
    return re.findall(r'class="ardiq-fill ardiq-(\w+)', page)


def test_a_job_whose_time_has_not_come_says_when_it_comes(shop: Shop, reader: Client) -> None:
    scheduled, retrying = shop.scheduled(), shop.retrying()

    assert "It is due in " in hints(get(reader, job_url(shop.queue, scheduled)))
    assert "the next one is due in " in hints(get(reader, job_url(shop.queue, retrying)))


def test_a_queued_job_says_how_many_stand_before_it(shop: Shop, reader: Client) -> None:
    jobs = [shop.put(number) for number in range(3)]

    said = [hints(get(reader, job_url(shop.queue, job_id))) for job_id in jobs]

    assert "It is the next one of its lane." in said[0]
    assert "1 job stands before it in its lane." in said[1]
    assert "2 jobs stand before it in its lane." in said[2]


def test_a_job_that_was_lost_with_its_worker_says_that_it_is_run_alone(shop: Shop, reader: Client) -> None:
    job_id = shop.claim(4711).job.id
    shop.run(shop.broker.reap([shop.worker.epoch]))

    page = get(reader, job_url(shop.queue, job_id))

    assert "run alone" in hints(page)
    assert "lost with its worker" in page


def test_a_job_that_ended_waits_for_nothing_and_is_not_asked_for_again(shop: Shop, reader: Client) -> None:
    shop.run(shop.broker.pause())
    ended, waiting = shop.aborted(), shop.put(1)

    page = get(reader, job_url(shop.queue, ended))
    assert hints(page) == ""
    assert "data-final" in page
    page = get(reader, job_url(shop.queue, waiting))
    assert "data-final" not in page
    assert "data-ardiq-live" in page


def test_a_running_thread_is_said_to_outlive_an_abort(shop: Shop, admin_client: Client) -> None:
    job_id = shop.running()

    page = get(admin_client, job_url(shop.queue, job_id))
    asked = admin_client.post(job_url(shop.queue, job_id, "abort")).content.decode()

    assert "a thread, which cannot be killed" in hints(page)
    assert "a thread, which cannot be killed" in hints(asked)
    waiting = shop.put(1)
    assert "thread" not in admin_client.post(job_url(shop.queue, waiting, "abort")).content.decode()


def test_the_attempt_that_runs_and_the_one_that_succeeded_are_attempts_too(shop: Shop, reader: Client) -> None:
    delivery = shop.claim(4711)
    shop.settle(makers.retrying(delivery))
    second = shop.run(shop.worker.claim_one())
    running = get(reader, job_url(shop.queue, delivery.job.id))
    shop.settle(makers.success(second))
    ended = get(reader, job_url(shop.queue, delivery.job.id))

    for page, word in ((running, "running"), (ended, "succeeded")):
        assert page.index(">#2<") < page.index(f">{word}<") < page.index(">#1<")
    assert "web-3:811" in ended
    assert "ardiq-attempt-0" in ended


def test_what_a_success_has_logged_is_shown_and_told_to_who_may_read_it(
    shop: Shop, reader: Client, viewer: Client
) -> None:
    job_id = shop.succeeded(logs="12:00:00.000Z INFO shop: <b>paid</b>")

    assert "INFO shop: &lt;b&gt;paid&lt;/b&gt;" in get(reader, job_url(shop.queue, job_id))
    assert reader.get(job_url(shop.queue, job_id, "json")).json()["logs"].endswith("<b>paid</b>")
    for page in (job_url(shop.queue, job_id), job_url(shop.queue, job_id, "json")):
        assert "INFO shop" not in get(viewer, page)
    assert "<h3>Log</h3>" not in get(reader, job_url(shop.queue, shop.succeeded()))


def test_the_last_runs_of_the_task_are_bars_that_lead_to_their_jobs(shop: Shop, reader: Client) -> None:
    failed, succeeded = shop.failed(), shop.succeeded()
    shop.settle(makers.success(shop.claim(task="shop.other")))

    page = get(reader, job_url(shop.queue, failed))

    assert sorted(bars(page)) == ["failed", "succeeded"]
    assert job_url(shop.queue, succeeded) in page
    assert "2 runs, 1 failed · median 5 ms · 95 % within 5 ms" in page
    assert page.count("ardiq-here") == 1


def test_a_task_without_runs_has_no_bars(shop: Shop, reader: Client) -> None:
    assert "ardiq-runs" not in get(reader, job_url(shop.queue, shop.put(1)))


def test_relatives_are_linked_with_their_state(shop: Shop, reader: Client) -> None:
    parent = shop.claim(1)
    child = shop.put(2, headers={PARENT: f"{shop.queue}:{parent.job.id}"})
    told = (f"{shop.queue}:{child}", f"{shop.queue}:gone", "nowhere:1", "+3")
    shop.settle(msgspec.structs.replace(makers.success(parent), children=told))

    above = get(reader, job_url(shop.queue, parent.job.id))
    below = get(reader, job_url(shop.queue, child))

    assert f'href="{job_url(shop.queue, child)}"' in above
    assert '<span class="ardiq-state ardiq-queued">' in above
    assert above.count("not, or no longer, kept") == 2
    assert "and 3 more" in above
    assert f'href="{job_url(shop.queue, parent.job.id)}"' in below
    assert job_url("nowhere", "1") not in above
    assert Inline(above).found == []


@pytest.mark.parametrize("parent", ["nobody", "", ":", "q:\x00", "<script>:<b>", 4711, ["a"]])
def test_a_parent_that_is_none_hinders_nobody(shop: Shop, reader: Client, parent: object) -> None:
    page = get(reader, job_url(shop.queue, shop.put(1, headers={PARENT: parent}, depends_on=("\x01", "x"))))

    assert "<script>:" not in page
    assert "ardiq-family" in page


def test_a_job_without_relatives_shows_none(shop: Shop, reader: Client) -> None:
    assert "ardiq-family" not in get(reader, job_url(shop.queue, shop.put(1)))


def test_what_a_job_waits_for_is_linked(shop: Shop, reader: Client) -> None:
    first = shop.put(1)
    second = shop.put(2, depends_on=(first,))

    page = get(reader, job_url(shop.queue, second))

    assert f'href="{job_url(shop.queue, first)}"' in page


def test_headers_are_shown_by_right(memory_shop: Shop, reader: Client, viewer: Client) -> None:
    headers = {"language": "de", "request_id": "r-4711", "tenant": "acme", BY: "anna", PARENT: "q:1"}
    url = job_url(memory_shop.queue, memory_shop.put(1, headers=headers, labels={"shop": "berlin"}))

    for client in (reader, viewer):
        page = get(client, url)
        assert all(f"<dd>{text}</dd>" in page for text in ("de", "r-4711", "anna"))
        assert (">acme<" in page) == (">berlin<" in page) == (client is reader)
        assert BY not in page


def test_who_enqueues_by_hand_is_shown(shop: Shop, admin_client: Client) -> None:
    address = reverse("admin:ardiq_task_enqueue", args=[quote(f"{shop.queue}:shop.invoice")])

    sent = admin_client.post(address, {"order": "1"})

    assert sent.status_code == 302, sent.content
    assert '<dt class="ardiq-carried">Enqueued by</dt><dd>admin</dd>' in get(admin_client, sent["Location"])


def test_a_job_of_a_worker_that_is_there_waits_for_no_worker(shop: Shop, reader: Client) -> None:
    job_id = shop.scheduled()
    assert "No worker serves this queue." in hints(get(reader, job_url(shop.queue, job_id)))

    shop.run(shop.broker.register(WorkerCard("e1", "web-3:811")))

    assert "No worker serves" not in get(reader, job_url(shop.queue, job_id))


@pytest.mark.parametrize("state", list(State))
def test_a_page_asks_its_broker_few_times(shop: Shop, db: None, state: State, monkeypatch: pytest.MonkeyPatch) -> None:
    client = client_of("all", "view_job", "view_job_payload", "retry_job", "enqueue_job", "reschedule_job")
    job_id = shop.put(4711, headers={PARENT: f"{shop.queue}:x"}) if state is State.QUEUED else getattr(shop, state)()
    get(client, job_url(shop.queue, job_id))
    asked: list[object] = []
    ask = type(shop.broker).run_sync

    def counting(self: Any, what: Any) -> Any:
        asked.append(what)
        return ask(self, what)

    monkeypatch.setattr(type(shop.broker), "run_sync", counting)

    get(client, job_url(shop.queue, job_id))

    assert 1 <= len(asked) <= 6
