"""Options: their defaults, and a clear word about every wrong one."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from ardiq_django import Ardiq
from ardiq_django.clock import LONGEST_MS
from ardiq_django.config import AppOptions, CallOptions, TaskOptions, call_options
from ardiq_django.exceptions import ConfigError
from ardiq_django.results import State
from ardiq_django.validation import check_id, known_keywords


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"queue_name": ""}, "queue_name='': a name is 1 to 64 letters"),
        ({"queue_name": "a/b"}, "queue_name='a/b'"),
        ({"queue_name": "x" * 65}, "a name is 1 to 64 letters"),
        ({"queue_name": 5}, "queue_name=5"),
        ({"queue_name": "mail\n"}, "a name is 1 to 64 letters"),
        ({"broker": 5}, "broker=5: give an address"),
        ({"priorities": []}, "give a list of distinct lane names, lowest first"),
        ({"priorities": "high"}, "priorities='high': give a list"),
        ({"priorities": 5}, "priorities=5: give a list"),
        ({"priorities": ["a", "a"]}, "distinct lane names"),
        ({"priorities": ["a", "a:b"]}, "priorities='a:b': a name is"),
        ({"priorities": [["a"]]}, r"priorities=\['a'\]: a name is"),
        ({"default_priority": "top"}, "queue 'default' has no lane 'top'; its lanes, lowest first: default"),
        ({"priorities": ["low", "high"], "weights": {"mid": 2}}, "no lane 'mid'; its lanes, lowest first: low, high"),
        ({"weights": {"default": 0}}, r"weights\['default'\]=0: give a whole number of at least 1"),
        ({"weights": [3]}, r"weights=\[3\]: give a dictionary"),
        ({"limits": {"default": "2"}}, r"limits\['default'\]='2': give a whole number"),
        ({"limits": 3}, "limits=3: give a dictionary"),
        ({"concurrency": 0}, "concurrency=0: give a whole number of at least 1"),
        ({"concurrency": True}, "concurrency=True: give a whole number"),
        ({"concurrency": "16"}, "concurrency='16': give a whole number"),
        ({"idle_timeout_ms": 1.5}, "idle_timeout_ms=1.5: give a whole number"),
        ({"poll_block_ms": 0}, "poll_block_ms=0"),
        ({"max_payload_bytes": 0}, "max_payload_bytes=0"),
        ({"max_queue": 0}, "max_queue=0: give a whole number of at least 1"),
        ({"max_queue": "10"}, "max_queue='10': give a whole number of at least 1"),
        ({"max_crashes": 0}, "max_crashes=0"),
        ({"result_ttl_ms": "5"}, "result_ttl_ms='5': give a whole number"),
        ({"cron_poll_s": 0}, r"cron_poll_s=0: give a number of at least 0\.01"),
        ({"shutdown_timeout_s": None}, "shutdown_timeout_s=None: give a number"),
        ({"shutdown_timeout_s": float("nan")}, "shutdown_timeout_s=nan: give a number"),
        ({"unknown_task_grace_s": "1h"}, "unknown_task_grace_s='1h'"),
        ({"history_ttl_ms": {"done": 5}}, "history_ttl_ms='done': give one of 'succeeded', 'failed'"),
        ({"history_ttl_ms": 5}, "history_ttl_ms=5: give a dictionary"),
        ({"history_max": {"failed": -1}}, r"history_max\['failed'\]=-1"),
        ({"enqueue_on_commit": "always"}, "enqueue_on_commit='always': give one of 'auto', 'never'"),
        ({"task_names": "short"}, "task_names='short': give one of 'name', 'module'"),
        ({"serializer": repr}, "serializer and deserializer belong together"),
        ({"deserializer": repr}, "serializer and deserializer belong together"),
        ({"serializer": "json", "deserializer": "json"}, "serializer='json': give a function"),
        ({"burst": "yes"}, "burst='yes': give True or False"),
        ({"worker_id": 5}, "worker_id=5: give a text of 1 to 180 bytes"),
        ({"worker_id": "x" * 181}, "give a text of 1 to 180 bytes, without NUL"),
    ],
)
def test_a_wrong_app_option_is_named_with_its_value_and_the_remedy(options: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ConfigError, match=sentence):
        AppOptions(**options)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"name": ""}, "name='': give a text of 1 to 180 bytes"),
        ({"name": "x" * 181}, "give a text of 1 to 180 bytes"),
        ({"name": "a\x00"}, "without NUL"),
        ({"max_retries": "3"}, "max_retries='3': give a whole number"),
        ({"max_retries": None}, "max_retries=None"),
        ({"backoff_ms": -1}, "backoff_ms=-1"),
        ({"backoff_ms": []}, r"backoff_ms=\[\]: a ladder needs at least one wait"),
        ({"backoff_ms": [1, "2"]}, "backoff_ms='2'"),
        ({"backoff_ms": "12"}, "backoff_ms='12'"),
        ({"timeout": -1}, "timeout=-1: give a number"),
        ({"timeout": "5s"}, "timeout='5s'"),
        ({"timeout": True}, "timeout=True"),
        ({"expire_ms": -5}, "expire_ms=-5"),
        ({"result_ttl_ms": 1.5}, "result_ttl_ms=1.5"),
        ({"save_result": "no"}, "save_result='no': give True or False"),
        ({"unique": 1}, "unique=1: give True or False"),
        ({"unique_key": "id"}, "unique_key='id': give a function"),
        ({"takes_context": "yes"}, "takes_context='yes': give True or False"),
        ({"retry_on": ("ValueError",)}, r"retry_on=\('ValueError',\): give an exception class, or a tuple of them"),
        ({"retry_on": ValueError("x")}, "retry_on="),
        ({"no_retry_on": [ValueError]}, "no_retry_on=.*give an exception class, or a tuple of them"),
        ({"sensitive": "password"}, "sensitive='password': give a list of argument names"),
        ({"labels": ["a"]}, r"labels=\['a'\]: give a dictionary"),
        ({"labels": {1: "a"}}, "labels=.*a label has a text for its name"),
        ({"labels": {"a": object()}}, "labels=.*cannot be carried"),
        ({"enqueue_on_commit": "maybe"}, "enqueue_on_commit='maybe'"),
    ],
)
def test_a_wrong_task_option_is_named_with_its_value_and_the_remedy(options: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ConfigError, match=sentence):
        TaskOptions(**options)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"delay_ms": -1}, "delay_ms=-1"),
        ({"delay_ms": 1.5}, "delay_ms=1.5"),
        ({"delay_ms": LONGEST_MS + 1}, "delay_ms=.*at most"),
        ({"delay": 5}, "delay=5: give a timedelta, or delay_ms="),
        ({"delay": timedelta(seconds=-1)}, "delay_ms=-1000"),
        ({"at": datetime(2030, 1, 1)}, "give an aware datetime, or schedule_ms="),
        ({"at": 12345}, "at=12345: give an aware datetime"),
        ({"schedule_ms": "soon"}, "schedule_ms='soon'"),
        ({"expire_ms": -1}, "expire_ms=-1"),
        ({"unique": "yes"}, "unique='yes': give True or False"),
        ({"task_id": ""}, "an id is a text of 1 to 200 bytes"),
        ({"task_id": 5}, "task_id=5: an id is a text"),
        ({"task_id": "é" * 101}, "an id is a text of 1 to 200 bytes"),
        ({"task_id": "unique:x"}, "ids beginning with cron: or unique: are reserved"),
        ({"task_id": "cron:x"}, "are reserved"),
        ({"task_id": "caf\udce9"}, "an id is a text"),
        ({"task_id": "a\x00b"}, "an id is a text"),
        ({"labels": "a"}, "labels='a': give a dictionary"),
        ({"labels": {"a": object()}}, "cannot be carried"),
        ({"enqueue_on_commit": 1}, "enqueue_on_commit=1"),
    ],
)
def test_a_wrong_call_option_is_named_with_its_value_and_the_remedy(options: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ConfigError, match=sentence):
        call_options(options)


@pytest.mark.parametrize("task_id", ["a", "order-17", "é" * 100, "a b/c:{d}\n*", "not cron:x"])
def test_any_text_of_up_to_200_bytes_is_an_id(task_id: str) -> None:
    check_id(task_id)

    assert CallOptions(task_id=task_id).task_id == task_id


@pytest.mark.parametrize(
    ("owner", "given", "sentence"),
    [
        (AppOptions, "prorities", "Ardiq has no option 'prorities'. Did you mean 'priorities'?"),
        (AppOptions, "concurency", "Did you mean 'concurrency'?"),
        (TaskOptions, "max_retry", "Did you mean 'max_retries'?"),
        (CallOptions, "taskid", "Did you mean 'task_id'?"),
        (CallOptions, "zzz", "Known: task_id, priority, delay_ms, schedule_ms, expire_ms"),
    ],
)
def test_an_unknown_option_names_the_nearest_known_one(owner: type, given: str, sentence: str) -> None:
    with pytest.raises(TypeError) as caught:
        known_keywords(owner, [given], "Ardiq")

    assert sentence in str(caught.value)


def test_the_constructor_and_the_decorator_speak_of_unknown_options() -> None:
    app = Ardiq(broker="memory://")

    with pytest.raises(TypeError, match=r"Ardiq has no option 'lanes'\."):
        Ardiq(lanes=["a"])  # type: ignore[call-arg]  # the mistake
    with pytest.raises(TypeError, match=r"a task has no option 'retries'\. Did you mean 'max_retries'\?"):
        app.task(retries=3)(print)  # type: ignore[call-overload]
    with pytest.raises(TypeError, match=r"a call has no option 'delay_s'\. Did you mean 'delay"):
        app.task(len).options(delay_s=3)  # type: ignore[call-arg]


@pytest.mark.parametrize(
    ("address", "sentence"),
    [
        ("redis:/localhost", "broker address 'redis:/localhost' is not known"),
        ("reddis://localhost", "Did you mean redis://"),
        ("", "broker='': give an address"),
        ("nowhere", "Known: database, redis"),
    ],
)
def test_an_address_that_no_broker_answers_to_is_refused(address: str, sentence: str) -> None:
    with pytest.raises(ConfigError, match=sentence):
        Ardiq(broker=address)


def test_two_addresses_are_one_too_many() -> None:
    with pytest.raises(ConfigError, match="give either redis_url or broker, not both"):
        Ardiq("redis://localhost", broker="memory://")


@pytest.mark.parametrize(
    ("lanes", "default", "lane"),
    [(["a"], None, "a"), (["a", "b"], None, "b"), (["a", "b", "c"], None, "b"), (["a", "b", "c"], "c", "c")],
)
def test_the_default_lane_is_the_middle_one_unless_named(lanes: list[str], default: str | None, lane: str) -> None:
    app = Ardiq(broker="memory://", priorities=lanes, default_priority=default)

    assert app.default_priority == lane
    assert app.priorities == lanes


def test_a_moment_and_a_duration_become_milliseconds() -> None:
    moment = datetime(2030, 1, 1, 12, tzinfo=timezone(timedelta(hours=2)))

    options = call_options({"delay": timedelta(seconds=1.5), "at": moment})

    assert options.delay_ms == 1_500
    assert options.schedule_ms == int(datetime(2030, 1, 1, 10, tzinfo=UTC).timestamp() * 1000)


def test_the_history_options_become_the_brokers_rules() -> None:
    rules = AppOptions(
        queue_name="mail",
        priorities=["low", "high"],
        idle_timeout_ms=5_000,
        history_ttl_ms={"failed": 7},
        history_max={"succeeded": 8},
    ).rules

    assert (rules.queue, rules.lanes, rules.lease_ms) == ("mail", ("low", "high"), 5_000)
    assert (rules.kept_ms(State.FAILED), rules.kept_ms(State.ABORTED), rules.kept_max(State.SUCCEEDED)) == (7, 7, 8)
    assert (rules.kept_max(State.EXPIRED), rules.kept_ms(State.SUCCEEDED)) == (100_000, 7 * 86_400_000)


def test_a_prefetch_is_refused_with_what_to_do_instead() -> None:
    assert AppOptions(prefetch=0).prefetch == 0

    with pytest.raises(ConfigError, match=r"prefetch=32: .* raise concurrency"):
        AppOptions(prefetch=32)
