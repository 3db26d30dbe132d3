"""Pages of projects that are set up otherwise, or wrongly."""

from typing import Any

import pytest
from django.contrib.messages import get_messages
from django.test import Client, override_settings

from ardiq_django.dashboard import moments
from tests.admin.pages import get, ids, job_url, list_url, rows
from tests.admin.shop import Shop


@pytest.mark.parametrize(
    ("queues", "said"),
    [
        ({}, []),
        ({"default": "redis://"}, ["ARDIQ is dict: give"]),
        ({"default": {"BROKR": "memory://"}}, ["Did you mean 'BROKER'?"]),
        ({"default": {"BROKER": "memory://", "CONCURRENCY": 0}}, ["concurrency=0"]),
        ({"default": {"BROKER": "carrier-pigeon://"}}, ["carrier-pigeon"]),
    ],
)
def test_wrong_settings_are_named_on_an_empty_list(viewer: Client, queues: Any, said: list[str]) -> None:
    with override_settings(ARDIQ=queues):
        response = viewer.get(list_url())
        page = response.content.decode()
        assert viewer.get(job_url("default", "4711")).status_code == 302

    assert ids(page) == []
    messages = list(map(str, get_messages(response.wsgi_request)))
    assert [part in message for part, message in zip(said, messages, strict=True)] == [True] * len(said)


def test_times_are_local_where_the_project_has_no_zones(memory_shop: Shop, viewer: Client) -> None:
    job_id = memory_shop.succeeded()

    with override_settings(USE_TZ=False):
        assert ids(get(viewer, list_url(since="1h"))) == [job_id]
        assert ids(get(viewer, list_url())) == [job_id]
        get(viewer, job_url(memory_shop.queue, job_id))


def test_times_stand_in_the_projects_zone(memory_shop: Shop, viewer: Client) -> None:
    memory_shop.succeeded()

    with override_settings(TIME_ZONE="Asia/Tokyo"):
        page = get(viewer, list_url())

    assert "JST" in page


def test_a_queue_with_one_lane_has_no_column_for_it(memory_shop: Shop, viewer: Client) -> None:
    memory_shop.put(1)
    assert "lane" in rows(get(viewer, list_url()))[0]

    with override_settings(ARDIQ={memory_shop.queue: {"BROKER": "memory://"}}):
        memory_shop.app.broker.run_sync(memory_shop.app.broker.enqueue([memory_shop.keep.job()]))
        assert "lane" not in rows(get(viewer, list_url()))[0]


def test_a_job_with_a_time_that_no_calendar_has_is_one_that_cannot_be_decoded(
    memory_shop: Shop, reader: Client
) -> None:
    job_id = memory_shop.put(1, enqueued_ms=10**20 // 10)

    assert ids(get(reader, list_url())) == [job_id]
    assert "cannot be decoded" in get(reader, job_url(memory_shop.queue, job_id))


@pytest.mark.parametrize(
    ("ms", "words"),
    [
        (-5, "0 ms"),
        (999, "999 ms"),
        (1_900, "1.9 s"),
        (17_400, "17 s"),
        (252_000, "4 min 12 s"),
        (3 * 3_600_000 + 60_000, "3 h 1 min"),
        (50 * 3_600_000, "2 d 2 h"),
    ],
)
def test_a_duration_is_told_in_its_two_largest_units(ms: int, words: str) -> None:
    assert moments.duration(ms) == words
