"""The figures of the overview for Prometheus, as its own parser reads them."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.sessions.models import Session
from django.db import connection
from django.test import AsyncClient, Client, override_settings
from django.test.utils import CaptureQueriesContext
from django.urls import include, path
from prometheus_client.parser import text_string_to_metric_families

from ardiq_django.brokers.memory.broker import MemoryBroker
from ardiq_django.dashboard.overview.exposition import Family, Kind, Sample, exposed
from ardiq_django.exceptions import BrokerError
from ardiq_django.results import State
from ardiq_django.statistics import ABORTED, BEGUN, FAILED, RETRIED, RUN, SUCCEEDED, WAIT, Figures, cell_of
from tests.admin.conftest import client_of, declared
from tests.admin.escape.texts import BROKEN, LONG, TEXTS
from tests.admin.shop import Shop
from tests.urls import urlpatterns as admin_urls

ADDRESS = "/admin/ardiq/queue/metrics"
INCLUDED = "/queues/metrics"
TOKEN = "kQ2-" * 8
WITH_TOKEN = {"Authorization": f"Bearer {TOKEN}"}
NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
UNITS = re.compile(r"_(ms|milliseconds|minutes|bytes|mb)(_|$)")

urlpatterns = [*admin_urls, path("queues/", include("ardiq_django.urls"))]
pytestmark = pytest.mark.urls(__name__)


@pytest.fixture
def looker(db: None) -> Client:
    """Who may see queues and nothing else."""
    return client_of("looker", "view_queue")


@pytest.fixture
def token() -> Iterator[None]:
    with override_settings(ARDIQ_STATUS_TOKEN=TOKEN):
        yield


class Metrics:
    """What the parser of Prometheus makes of an answer."""

    def __init__(self, text: str) -> None:
        self.families = list(text_string_to_metric_families(text))

    @classmethod
    def at(cls, client: Client, address: str = ADDRESS) -> "Metrics":
        response = client.get(address)
        assert response.status_code == 200
        assert response["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
        return cls(response.content.decode())

    def of(self, name: str, **labels: str) -> float | None:
        """The value of the one sample with these labels; None if there is none."""
        found = [
            one.value for family in self.families for one in family.samples if (one.name, one.labels) == (name, labels)
        ]
        assert len(found) < 2
        return found[0] if found else None

    def queues(self, name: str) -> list[str]:
        """The queues that have any sample of that name."""
        samples = [one for family in self.families for one in family.samples if one.name == name]
        return list(dict.fromkeys(one.labels["queue"] for one in samples))


def test_it_tells_how_each_queue_stands(shop: Shop, looker: Client) -> None:
    shop.succeeded()
    shop.one_of_each()
    shop.run(shop.broker.pause())

    found = Metrics.at(looker)

    assert [found.of("ardiq_up", queue=name) for name in (shop.queue, shop.other)] == [1, 1]
    for state in State:
        expected = 2 if state == State.SUCCEEDED else 1
        assert found.of("ardiq_jobs", queue=shop.queue, state=state.value) == expected
        assert found.of("ardiq_jobs", queue=shop.other, state=state.value) == 0
    assert [found.of("ardiq_paused", queue=name) for name in (shop.queue, shop.other)] == [1, 0]
    assert found.of("ardiq_workers", queue=shop.queue, state="alive") == 1
    assert found.of("ardiq_workers", queue=shop.queue, state="lost") == 0
    assert found.of("ardiq_slots", queue=shop.queue) == shop.worker.card.concurrency
    assert found.of("ardiq_slots_busy", queue=shop.queue) == 1
    assert found.of("ardiq_worker_processes") == 1
    oldest = found.of("ardiq_oldest_wait_seconds", queue=shop.queue)
    assert oldest is not None
    assert 0 <= oldest < 60
    assert found.of("ardiq_oldest_wait_seconds", queue=shop.other) is None
    assert found.of("ardiq_alarms", queue=shop.queue, about="paused", grave="false") == 1


def test_times_are_told_in_seconds_and_attempts_by_their_end(shop: Shop, looker: Client) -> None:
    cells = {
        BEGUN: 30,
        SUCCEEDED: 12,
        FAILED: 3,
        RETRIED: 4,
        ABORTED: 1,
        WAIT + cell_of(5): 30,
        RUN + cell_of(2000): 20,
    }
    shop.run(shop.broker.report(shop.worker.epoch, 1, {"t": Figures(cells)}))

    found = Metrics.at(looker)

    for span in ("15m", "24h"):
        ended = {
            outcome: found.of(f"ardiq_attempts_ended_{span}", queue=shop.queue, outcome=outcome)
            for outcome in ("succeeded", "retried", "failed", "aborted")
        }
        assert ended == {"succeeded": 12, "retried": 4, "failed": 3, "aborted": 1}
        assert found.of(f"ardiq_attempts_begun_{span}", queue=shop.queue) == 30
        for quantile in ("0.5", "0.95"):
            assert found.of(f"ardiq_wait_{span}_seconds", queue=shop.queue, quantile=quantile) == 0.005
            run = found.of(f"ardiq_run_{span}_seconds", queue=shop.queue, quantile=quantile)
            assert run == pytest.approx(2, rel=0.15)
        assert found.queues(f"ardiq_run_{span}_seconds") == [shop.queue]


def test_names_and_types_follow_the_rules(memory_shop: Shop, looker: Client) -> None:
    memory_shop.one_of_each()
    text = looker.get(ADDRESS).content.decode()
    found = Metrics(text).families

    assert len({one.name for one in found}) == len(found) > 10
    for one in found:
        assert NAME.fullmatch(one.name), one.name
        assert one.name.startswith("ardiq_")
        assert one.documentation
        assert not UNITS.search(one.name), one.name
        assert not one.name.endswith("_total"), one.name  # nothing of ours never falls
        assert one.type in ("gauge", "summary")
        labelled = [tuple(sorted(sample.labels.items())) for sample in one.samples]
        assert len(set(labelled)) == len(labelled)
        assert all(("quantile" in sample.labels) == (one.type == "summary") for sample in one.samples)
    assert text.endswith("\n")
    assert "\r" not in text


def test_alarms_are_those_that_are_raised(memory_shop: Shop, looker: Client) -> None:
    memory_shop.put(1)

    found = Metrics.at(looker)

    assert found.of("ardiq_alarms", queue=memory_shop.queue, about="unserved", grave="true") == 1
    assert found.of("ardiq_alarms", queue=memory_shop.queue, about="unreadable", grave="true") is None


def test_a_queue_that_cannot_be_read_is_down_and_hides_no_other(db: None, looker: Client) -> None:
    with declared("redis://:hunter2@127.0.0.1:1/0", "memory://") as (down, up):
        text = looker.get(ADDRESS).content.decode()
        found = Metrics.at(looker)

    assert (found.of("ardiq_up", queue=down), found.of("ardiq_up", queue=up)) == (0, 1)
    assert found.of("ardiq_alarms", queue=down, about="unreadable", grave="true") == 1
    assert found.queues("ardiq_jobs") == [up]
    assert found.of("ardiq_jobs", queue=up, state="queued") == 0
    assert "hunter2" not in text


def test_a_queue_that_goes_away_while_it_is_read_is_down_as_a_whole(
    memory_shop: Shop, looker: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    points = MemoryBroker.points

    async def gone(self: MemoryBroker, *args: Any) -> Any:
        if self is memory_shop.broker:
            raise BrokerError("gone")
        return await points(self, *args)

    monkeypatch.setattr(MemoryBroker, "points", gone)

    found = Metrics.at(looker)

    assert found.of("ardiq_up", queue=memory_shop.queue) == 0
    assert found.of("ardiq_alarms", queue=memory_shop.queue, about="unreadable", grave="true") == 1
    for name in ("ardiq_jobs", "ardiq_attempts_begun_15m", "ardiq_slots"):
        assert found.queues(name) == [memory_shop.other]


def test_settings_that_name_no_queues_fail_the_scrape_and_say_why(looker: Client) -> None:
    with override_settings(ARDIQ={"default": "redis://\n"}):
        response = looker.get(ADDRESS)

    text = response.content.decode()
    assert response.status_code == 503
    assert "ARDIQ is dict: give" in text
    assert text.startswith("# ")
    assert text.count("\n") == 1


@pytest.mark.parametrize("name", [*TEXTS.values(), 'a"b\\c\nd\\n', "", LONG[:500], BROKEN, 5])
def test_whatever_a_queue_is_called_it_is_one_label(looker: Client, name: Any) -> None:
    with override_settings(ARDIQ={name: {"BROKER": "memory://"}, "well": {"BROKER": "memory://"}}):
        found = Metrics.at(looker)

    kept = str(name).encode(errors="replace").decode()
    assert found.queues("ardiq_up") == [kept, "well"]
    assert (found.of("ardiq_up", queue=kept), found.of("ardiq_up", queue="well")) == (0, 1)


@pytest.mark.parametrize("text", [*TEXTS.values(), 'a"b\\c\nd\\n', "", LONG, "{}#=, 1 2"])
def test_any_text_may_be_a_label_or_a_help(text: str) -> None:
    family = Family("a_b", text, [Sample(1.5, {"x": text, "y": "z"}), Sample(2)], Kind.GAUGE)

    document = exposed([family, Family("empty", "", [])]).decode()

    first, second = text_string_to_metric_families(document)
    assert [(one.labels, one.value) for one in first.samples] == [({"x": text, "y": "z"}, 1.5), ({}, 2)]
    assert (second.name, second.samples) == ("empty", [])
    assert document.count("\n") == 6


@pytest.mark.usefixtures("token")
def test_a_token_is_enough_and_opens_no_session(memory_shop: Shop, client: Client) -> None:
    for address in (ADDRESS, INCLUDED):
        with CaptureQueriesContext(connection) as queries:
            response = client.get(address, headers=WITH_TOKEN)
        assert Metrics(response.content.decode()).of("ardiq_up", queue=memory_shop.queue) == 1
        assert queries.captured_queries == []
    assert not client.cookies
    assert not Session.objects.exists()


@pytest.mark.usefixtures("token")
@pytest.mark.parametrize("address", [ADDRESS, INCLUDED])
@pytest.mark.parametrize("shown", ["", f"Bearer {TOKEN}x", f"Basic {TOKEN}", TOKEN])
def test_nobody_else_is_told_anything(memory_shop: Shop, client: Client, shown: str, address: str) -> None:
    response = client.get(address, headers={"Authorization": shown} if shown else {})

    assert response.status_code == 401
    assert response["WWW-Authenticate"].startswith("Bearer")
    assert response["Content-Type"].startswith("text/plain")
    assert memory_shop.queue not in response.content.decode()
    assert list(text_string_to_metric_families(response.content.decode())) == []


def test_who_is_logged_in_needs_the_right(memory_shop: Shop) -> None:
    other = client_of("other", "view_job", "pause_queue")

    for address in (ADDRESS, INCLUDED):
        assert other.get(address).status_code == 403


def test_only_get_is_answered_and_kept_by_nobody(memory_shop: Shop, looker: Client, client: Client) -> None:
    for method in ("post", "put", "patch", "delete", "options"):
        response = getattr(looker, method)(ADDRESS)
        assert (response.status_code, response["Allow"]) == (405, "GET, HEAD")
        assert getattr(client, method)(ADDRESS).status_code == 401
    assert looker.head(ADDRESS).status_code == 200
    for response in (looker.get(ADDRESS), client.get(ADDRESS)):
        assert response["Cache-Control"] == "no-store"
        assert {"Authorization", "Cookie"} <= set(response["Vary"].split(", "))


async def test_under_asgi_it_answers_too(token: None) -> None:
    with override_settings(ARDIQ={"default": {"BROKER": "memory://"}}):
        response = await AsyncClient().get(INCLUDED, headers=WITH_TOKEN)

    assert response.status_code == 200
