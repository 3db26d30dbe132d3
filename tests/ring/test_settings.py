"""The setting ARDIQ: what stands without it, what it says, and what is wrong with it."""

from typing import Any

import pytest
from django.core.checks import CheckMessage
from django.test import override_settings
from pytest_django import Settings

import ardiq_django
from ardiq_django import Ardiq, ConfigError, get_app, task
from ardiq_django.checks import check_ardiq, check_servers
from ardiq_django.codec import decode, encode
from ardiq_django.declared import declared_apps
from ardiq_django.surroundings import around
from tests.services import free_port


def test_without_the_setting_there_is_one_queue_on_the_default_database() -> None:
    assert around().declared_queues() == ["default"]
    assert get_app().address == "database://default"
    assert ardiq_django.app is get_app("default")
    assert Ardiq().address == "database://default"


def test_the_setting_declares_queues_and_their_options(settings: Settings) -> None:
    settings.ARDIQ = {
        "default": {"BROKER": "memory://", "PRIORITIES": ["low", "high"], "DEFAULT_PRIORITY": "low"},
        "mail": {"CONCURRENCY": 64},
    }

    default, mail = declared_apps()

    assert (default.queue_name, default.priorities, default.default_priority) == ("default", ["low", "high"], "low")
    assert default.address == "memory://"
    assert (mail.queue_name, mail.address, mail.options.concurrency) == ("mail", "database://default", 64)
    assert get_app("mail") is mail


def test_the_setting_takes_effect_at_once_and_only_as_long_as_it_stands() -> None:
    app = get_app()
    broker = app.broker

    with override_settings(ARDIQ={"default": {"BROKER": "memory://", "CONCURRENCY": 3}}):
        assert (app.address, app.options.concurrency) == ("memory://", 3)
        assert app.broker is not broker
        assert "tests.shop.tasks.note" in app.tasks

    assert (app.address, app.options.concurrency) == ("database://default", 16)


def test_tasks_of_declared_queues_bear_the_name_of_their_module(settings: Settings) -> None:
    settings.ARDIQ = {"default": {}, "letters": {"BROKER": "memory://"}}

    @task(queue="letters", max_retries=1)
    def send() -> None: ...

    name = f"{__name__}.{test_tasks_of_declared_queues_bear_the_name_of_their_module.__qualname__}.<locals>.send"
    assert send.name == name
    assert get_app("letters").tasks == [name]
    assert Ardiq("memory://").task(send.fn).name == "send"


def test_a_queue_that_is_not_declared_is_refused_with_those_that_are(settings: Settings) -> None:
    settings.ARDIQ = {"default": {}, "mail": {}}

    with pytest.raises(ConfigError, match="queue 'post' is not declared in the setting ARDIQ; declared: default, mail"):
        get_app("post")


def test_a_queue_is_known_only_as_long_as_it_is_declared() -> None:
    with override_settings(ARDIQ={"default": {}, "parcels": {}}):
        app = get_app("parcels")

    with pytest.raises(ConfigError, match="queue 'parcels' is not declared"):
        get_app("parcels")

    with override_settings(ARDIQ={"default": {}, "parcels": {}}):
        assert get_app("parcels") is app


def test_serializers_may_be_named_by_their_path(settings: Settings) -> None:
    path = "ardiq_django.codec"
    settings.ARDIQ = {"default": {"SERIALIZER": f"{path}.encode", "DESERIALIZER": f"{path}.decode"}}

    assert (get_app().options.serializer, get_app().options.deserializer) == (encode, decode)


def found(settings: Settings, value: Any) -> list[CheckMessage]:
    settings.ARDIQ = value
    return check_ardiq()


@pytest.mark.parametrize(
    ("value", "error", "sentence"),
    [
        ("redis://", "ardiq.E001", 'ARDIQ is str: give {"default": {"BROKER": "redis://…"}}'),
        ({"BROKER": "redis://localhost"}, "ardiq.E001", "give {"),
        ([], "ardiq.E001", "ARDIQ is list"),
        ({"default": {"BROKERS": "x"}}, "ardiq.E002", "has no option 'BROKERS'. Did you mean 'BROKER'?"),
        ({"default": {"broker": "memory://"}}, "ardiq.E002", "has no option 'broker'. Did you mean 'BROKER'?"),
        ({"default": {5: 1}}, "ardiq.E002", "has no option 5. Known: BROKER"),
        ({"default": {"CONCURRENCY": "16"}}, "ardiq.E002", "concurrency='16': give a whole number of at least 1"),
        ({"default": {"MAX_QUEUE": 0}}, "ardiq.E002", "max_queue=0: give a whole number of at least 1"),
        ({"default": {"QUEUE_NAME": "x"}}, "ardiq.E002", "has no option 'QUEUE_NAME'"),
        ({"default": {"HISTORY_MAX": 5}}, "ardiq.E002", "history_max=5: give a dictionary"),
        ({"default": {"PRIORITIES": 5}}, "ardiq.E002", "priorities=5: give a list"),
        ({"a/b": {}}, "ardiq.E002", "ARDIQ key='a/b': a name is 1 to 64"),
        ({5: {}}, "ardiq.E002", "ARDIQ key=5: a name is 1 to 64"),
        ({"default": {"SERIALIZER": "no.such"}}, "ardiq.E002", "SERIALIZER='no.such' cannot be imported"),
        ({"default": {"BROKER": 5}}, "ardiq.E002", "broker=5: give an address"),
        ({"default": {"BROKER": "reddis://x"}}, "ardiq.E003", "is not known. Did you mean redis://?"),
        ({"default": {"BROKER": "database://nope"}}, "ardiq.E004", "no database 'nope'; there are: default, postgres"),
    ],
)
def test_a_wrong_setting_is_an_error_with_its_sentence(
    settings: Settings, value: Any, error: str, sentence: str
) -> None:
    (message,) = found(settings, value)

    assert message.id == error
    assert sentence in message.msg


def test_tasks_can_be_declared_under_a_wrong_setting_and_not_enqueued(settings: Settings) -> None:
    settings.ARDIQ = {"default": {"BROKER": "reddis://x"}}
    app = Ardiq.declared("default")

    @app.task(priority="high")
    def mail() -> None: ...

    with pytest.raises(ConfigError, match="reddis://x"):
        mail.enqueue_sync()


def test_every_wrong_queue_is_told(settings: Settings) -> None:
    messages = found(settings, {"default": {"BROKER": "x"}, "mail": {"CONCURRENCY": 0}, "fine": {}})

    assert [message.id for message in messages] == ["ardiq.E003", "ardiq.E002"]


@pytest.mark.parametrize(
    "value", [{}, {"default": {}}, {"default": {"BROKER": "database://"}}, {"default": {"BROKER": None}}]
)
def test_a_right_setting_is_left_alone(settings: Settings, value: Any) -> None:
    assert found(settings, value) == []


def test_never_cannot_be_had_in_the_same_database(settings: Settings) -> None:
    (message,) = found(settings, {"default": {"ENQUEUE_ON_COMMIT": "never"}})

    assert message.id == "ardiq.W001"
    assert "ENQUEUE_ON_COMMIT cannot be 'never' here" in message.msg
    assert found(settings, {"default": {"ENQUEUE_ON_COMMIT": "never", "BROKER": "memory://"}}) == []


def test_a_sqlite_that_is_not_set_up_is_a_warning_with_the_options_to_write(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(settings.DATABASES["default"], "OPTIONS", {})

    (message,) = found(settings, {"default": {"BROKER": "database://"}})

    assert message.id == "ardiq.W002"
    assert message.hint is not None
    assert '"transaction_mode": "IMMEDIATE"' in message.hint


@pytest.mark.parametrize(("pool", "size"), [(True, 4), ({"min_size": 2}, 2), ({"max_size": 7}, 7)])
def test_a_pool_with_fewer_connections_than_slots_is_a_warning(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, pool: Any, size: int
) -> None:
    monkeypatch.setitem(settings.DATABASES["postgres"], "OPTIONS", {"pool": pool})

    (message,) = found(settings, {"default": {"BROKER": "memory://", "CONCURRENCY": 8}})

    assert message.id == "ardiq.W004"
    assert message.msg == f"queue 'default' runs 8 jobs at once, the pool of database 'postgres' serves {size}"
    assert found(settings, {"default": {"BROKER": "memory://", "CONCURRENCY": size}}) == []
    assert [message.id for message in found(settings, {"default": {"BROKER": "memory://"}})] == ["ardiq.W004"]


@pytest.mark.django_db(transaction=True)
def test_deploying_tells_what_a_crash_of_each_broker_may_lose(settings: Settings) -> None:
    settings.ARDIQ = {
        "default": {"BROKER": "memory://"},
        "rows": {},
        "away": {"BROKER": f"redis://:secret@127.0.0.1:{free_port()}"},
    }

    default, rows, away = check_servers()

    assert (default.id, default.msg) == (
        "ardiq.W005",
        "queue 'default': memory: everything is lost when the process ends",
    )
    assert default.hint == "give the queue another BROKER"
    assert rows.id == "ardiq.I001"
    assert "SQLite" in rows.msg
    assert away.id == "ardiq.W003"
    assert "127.0.0.1" in away.msg
    assert "secret" not in away.msg
