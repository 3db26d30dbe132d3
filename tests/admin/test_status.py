"""The figures of the overview for programs: what they say, and who is told."""

import json
import subprocess
import sys
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest
from django.contrib.sessions.models import Session
from django.db import connection
from django.test import AsyncClient, Client, override_settings
from django.test.utils import CaptureQueriesContext
from django.urls import include, path

from ardiq_django.checks import check_ardiq
from ardiq_django.results import State
from ardiq_django.statistics import BEGUN, FAILED, SUCCEEDED, Figures
from tests.admin.conftest import client_of, declared
from tests.admin.shop import Shop
from tests.urls import urlpatterns as admin_urls

ADDRESS = "/admin/ardiq/queue/status.json"
INCLUDED = "/queues/status.json"
TOKEN = "kQ2-" * 8
LOGIN_EVERYWHERE = "django.contrib.auth.middleware.LoginRequiredMiddleware"

urlpatterns = [*admin_urls, path("queues/", include("ardiq_django.urls"))]
pytestmark = pytest.mark.urls(__name__)


@pytest.fixture
def looker(db: None) -> Client:
    """Who may see queues and nothing else."""
    return client_of("looker", "view_queue")


@pytest.fixture
def with_token() -> Iterator[dict[str, str]]:
    """The headers of a program in a project that has set a token."""
    with override_settings(ARDIQ_STATUS_TOKEN=TOKEN):
        yield bearer(TOKEN)


def bearer(token: str, scheme: str = "Bearer") -> dict[str, str]:
    return {"Authorization": f"{scheme} {token}"}


def told(client: Client, address: str = ADDRESS, code: int = 200, **given: Any) -> dict[str, Any]:
    response = client.get(address, **given)
    assert response.status_code == code
    assert response["Content-Type"] == "application/json"
    found: dict[str, Any] = json.loads(response.content)
    return found


def test_it_tells_how_each_queue_stands_and_what_all_amount_to(shop: Shop, looker: Client) -> None:
    shop.succeeded()
    shop.one_of_each()
    shop.run(shop.broker.report(shop.worker.epoch, 1, {"t": Figures({BEGUN: 30, SUCCEEDED: 12, FAILED: 3})}))
    shop.run(shop.broker.pause())

    found = told(looker)

    first, second = found["queues"]
    assert [one["queue"] for one in found["queues"]] == [shop.queue, shop.other]
    assert first["counts"] == {state.value: 2 if state == State.SUCCEEDED else 1 for state in State}
    assert second["counts"] == dict.fromkeys(first["counts"], 0)
    assert found["totals"]["counts"] == first["counts"]
    assert (first["paused"], second["paused"]) == (True, False)
    assert first["workers"] == {"alive": 1, "lost": 0, "slots": shop.worker.card.concurrency, "running": 1}
    assert (first["served"], second["served"]) == (True, False)
    assert 0 <= first["oldest_wait_ms"] < 60_000
    assert second["oldest_wait_ms"] is None
    assert (first["lately"]["minutes"], first["lately"]["begun"]) == (15, 30)
    assert (first["lately"]["begun_per_minute"], first["lately"]["ended_per_minute"]) == (2.0, 1.0)
    assert (found["totals"]["day"]["succeeded"], found["totals"]["day"]["failed"]) == (12, 3)
    assert found["totals"]["processes"] == 1
    assert (found["version"], found["complete"], found["problem"]) == (1, True, "")
    assert datetime.fromisoformat(found["time"]).tzinfo


FIGURES = {
    *("minutes", "begun", "succeeded", "retried", "failed", "aborted", "begun_per_minute", "ended_per_minute"),
    *("wait_p50_ms", "wait_p95_ms", "run_p50_ms", "run_p95_ms"),
}


def test_its_keys_are_those_of_version_1(memory_shop: Shop, looker: Client) -> None:
    memory_shop.put(1)

    found = told(looker)

    assert set(found) == {"version", "time", "ok", "complete", "problem", "alarms", "totals", "queues"}
    assert set(found["alarms"][0]) == {"queue", "about", "grave", "text", "remedy"}
    assert set(found["totals"]) == {"counts", "oldest_wait_ms", "processes", "day"}
    first = found["queues"][0]
    keys = {"queue", "problem", "paused", "served", "counts", "oldest_wait_ms", "workers", "lately", "day"}
    assert set(first) == keys
    assert set(first["lately"]) == set(first["day"]) == set(found["totals"]["day"]) == FIGURES


def test_alarms_are_those_of_the_overview_with_a_word_for_programs_in_english(shop: Shop, looker: Client) -> None:
    shop.put(1)

    with override_settings(LANGUAGE_CODE="de"):
        found = told(looker, headers={"Accept-Language": "de"})

    alarm = found["alarms"][0]
    assert (alarm["queue"], alarm["about"], alarm["grave"]) == (shop.queue, "unserved", True)
    assert alarm["text"] == "1 job waits, and no worker serves this queue."
    assert found["ok"] is False
    assert found["complete"] is True


def test_what_is_no_grave_matter_is_well(db: None, looker: Client) -> None:
    with declared("database://"):
        found = told(looker)

    assert (found["ok"], found["alarms"]) == (True, [])


def test_a_broker_that_is_down_is_a_503_with_all_others(db: None, looker: Client) -> None:
    with declared("redis://:hunter2@127.0.0.1:1/0", "memory://") as (down, up):
        found = told(looker, code=503)

    first, second = found["queues"]
    assert (first["queue"], first["counts"], first["oldest_wait_ms"]) == (down, None, None)
    assert first["problem"]
    assert (second["queue"], second["problem"], second["counts"]["queued"]) == (up, "", 0)
    assert [(one["queue"], one["about"]) for one in found["alarms"] if one["grave"]] == [(down, "unreadable")]
    assert (found["ok"], found["complete"]) == (False, False)
    assert "hunter2" not in json.dumps(found)


def test_wrong_settings_are_a_503_that_names_them(looker: Client) -> None:
    with override_settings(ARDIQ={"default": "redis://"}):
        found = told(looker, code=503)

    assert "ARDIQ is dict: give" in found["problem"]
    assert (found["ok"], found["complete"], found["queues"]) == (False, False, [])


def test_a_token_is_enough_and_opens_no_session(memory_shop: Shop, client: Client, with_token: dict[str, str]) -> None:
    for address in (ADDRESS, INCLUDED):
        with CaptureQueriesContext(connection) as queries:
            assert told(client, address, headers=with_token)["version"] == 1
        assert queries.captured_queries == []
    assert not client.cookies
    assert not Session.objects.exists()


@pytest.mark.parametrize("address", [ADDRESS, INCLUDED])
@pytest.mark.parametrize(
    "headers",
    [
        {},
        bearer("x" * 32),
        bearer(TOKEN[:-1]),
        bearer(TOKEN + "x"),
        bearer(TOKEN.lower()),
        bearer(""),
        bearer(TOKEN, "Basic"),
        bearer(TOKEN, "Token"),
        bearer("\u00e9" * 32),
        bearer("\x00" * 32),
        {"Authorization": TOKEN},
        {"Authorization": "Bearer"},
        {"X-Token": TOKEN},
    ],
)
def test_nobody_else_is_told_anything(
    memory_shop: Shop, client: Client, with_token: dict[str, str], headers: dict[str, str], address: str
) -> None:
    response = client.get(address, headers=headers)

    assert response.status_code == 401
    assert response["WWW-Authenticate"].startswith("Bearer")
    assert set(json.loads(response.content)) == {"error"}
    assert memory_shop.queue not in response.content.decode()
    assert TOKEN not in response.content.decode()


def test_a_token_in_the_address_counts_for_nothing(
    memory_shop: Shop, client: Client, with_token: dict[str, str]
) -> None:
    for name in ("token", "access_token", "Authorization"):
        assert client.get(ADDRESS, {name: TOKEN}).status_code == 401


def test_a_wrong_token_is_refused_whoever_sends_it(
    memory_shop: Shop, admin_client: Client, with_token: dict[str, str]
) -> None:
    assert admin_client.get(ADDRESS).status_code == 200
    assert admin_client.get(ADDRESS, headers=bearer("x" * 32)).status_code == 401


@pytest.mark.parametrize("setting", [None, "", "short", "x" * 31, b"x" * 40, 5, ["x" * 32], "x" * 20 + " " * 20])
def test_without_a_token_worth_its_name_none_is_taken(memory_shop: Shop, client: Client, setting: Any) -> None:
    shown = [str(setting), "", "short", "x" * 31, "x" * 32, "x" * 40]

    with override_settings(ARDIQ_STATUS_TOKEN=setting):
        codes = {client.get(ADDRESS, headers=bearer(one)).status_code for one in shown}

    assert codes == {401}


def test_a_token_that_is_too_short_is_an_error_that_does_not_tell_it() -> None:
    for wrong in ("hunter2", "x" * 31, b"x" * 40, 5):
        with override_settings(ARDIQ_STATUS_TOKEN=wrong):
            found = [one for one in check_ardiq() if one.id == "ardiq.E006"]
        assert len(found) == 1, wrong
        assert "hunter2" not in str(found[0])
    for right in (TOKEN, "", None):
        with override_settings(ARDIQ_STATUS_TOKEN=right):
            assert [one for one in check_ardiq() if one.id == "ardiq.E006"] == []


def test_who_is_logged_in_needs_the_right(memory_shop: Shop) -> None:
    other = client_of("other", "view_job", "pause_queue")

    for address in (ADDRESS, INCLUDED):
        assert set(told(other, address, code=403)) == {"error"}


def test_who_is_no_staff_is_let_in_where_a_project_includes_it_and_not_in_the_admin(
    memory_shop: Shop, looker: Client, django_user_model: Any
) -> None:
    django_user_model.objects.update(is_staff=False)

    told(looker, ADDRESS, code=403)
    assert told(looker, INCLUDED)["version"] == 1


def test_only_get_is_answered(memory_shop: Shop, looker: Client, client: Client) -> None:
    for method in ("post", "put", "patch", "delete", "options"):
        assert getattr(looker, method)(ADDRESS).status_code == 405
        assert getattr(client, method)(ADDRESS).status_code == 401
    assert looker.head(ADDRESS).status_code == 200


def test_no_answer_is_kept_by_a_cache(memory_shop: Shop, looker: Client, client: Client) -> None:
    for response in (looker.get(ADDRESS), client.get(ADDRESS)):
        assert response["Cache-Control"] == "no-store"
        assert {"Authorization", "Cookie"} <= set(response["Vary"].split(", "))
        assert "ETag" not in response


def test_a_project_that_asks_everybody_to_log_in_still_takes_the_token(
    memory_shop: Shop, client: Client, with_token: dict[str, str], settings: Any
) -> None:
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, LOGIN_EVERYWHERE]

    for address in (ADDRESS, INCLUDED):
        assert client.get(address).status_code == 401
        assert client.get(address, headers=with_token).status_code == 200


def test_a_project_without_users_has_it_by_its_token(
    memory_shop: Shop, client: Client, with_token: dict[str, str], settings: Any
) -> None:
    settings.MIDDLEWARE = []

    assert client.get(INCLUDED).status_code == 401
    assert client.get(INCLUDED, headers=with_token).status_code == 200


async def test_under_asgi_it_answers_too(with_token: dict[str, str]) -> None:
    with override_settings(ARDIQ={"default": {"BROKER": "memory://"}}):
        response = await AsyncClient().get(INCLUDED, headers=with_token)

    assert response.status_code == 200


WITHOUT_ADMIN = """
import django
from django.conf import settings
from django.urls import include, path

settings.configure(
    ALLOWED_HOSTS=["*"], ROOT_URLCONF="__main__", ARDIQ={"default": {"BROKER": "memory://"}},
    ARDIQ_STATUS_TOKEN="x" * 32,
    INSTALLED_APPS=["django.contrib.contenttypes", "django.contrib.auth", "ardiq_django"],
)
django.setup()
urlpatterns = [path("queues/", include("ardiq_django.urls"))]
from django.test import Client
print(Client().get("/queues/status.json", headers={"Authorization": "Bearer " + "x" * 32}).content.decode())
"""


def test_it_needs_no_admin_and_no_sessions() -> None:
    process = subprocess.run([sys.executable, "-c", WITHOUT_ADMIN], capture_output=True, text=True, check=True)

    assert json.loads(process.stdout)["queues"][0]["queue"] == "default"
