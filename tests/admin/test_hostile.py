"""Pages of hostile jobs: whatever stands in any field is shown as text, and no address is an error of the server."""

from typing import Any

import pytest
from django.test import Client

from ardiq_django import codec
from ardiq_django.clock import LONGEST_MS
from ardiq_django.results import Attempt, State
from ardiq_django.wire import News
from tests.admin.pages import Inline, get, job_url, list_url
from tests.admin.shop import INVOICE, Shop
from tests.contract import makers
from tests.fuzz.hostile import ANNOUNCED

POLYGLOT = "'\"--></title></script><svg/onload=alert(1)><img src=x onerror=alert(2)>{{7*7}}{% x %}javascript:alert(3)"
RAW = ("<svg/onload", "<img src=x", "</title></script>")
ODD = ("-1", "0", "1e5", "x", "", " ", str(10**30), "9" * 400, "%00", "\x00", "'\"><svg", "0x1", "NaN", "é", "\u0661")
DATES = ("0", "-5", "13", "32", "99999", "x", "", str(10**30), "NaN", "\x00")


def filled(shop: Shop) -> list[str]:
    """Jobs with the polyglot in each field that anybody fills."""
    call: dict[str, Any] = {"kwargs": {"customer": POLYGLOT, POLYGLOT: {POLYGLOT: [POLYGLOT]}}}
    labels = {POLYGLOT: POLYGLOT, "list": [POLYGLOT]}
    failed = shop.claim(1, id=POLYGLOT, labels=labels, **call)
    attempt = Attempt(1, POLYGLOT, 5, 6, POLYGLOT, POLYGLOT, POLYGLOT, POLYGLOT, POLYGLOT)
    made = makers.failure(failed, POLYGLOT)
    shop.settle(type(made)(failed, attempt, POLYGLOT, made.ttl_ms))
    unknown = shop.put(1, POLYGLOT, task=POLYGLOT[:170], lane="default", delay_ms=60_000, labels=labels, **call)
    done = shop.succeeded({POLYGLOT: POLYGLOT}, labels=labels)
    running = shop.running(labels=labels)
    shop.tell_progress(running, 1, 2, POLYGLOT)
    return [failed.job.id, unknown, done, running]


def test_a_polyglot_in_every_field_is_text(shop: Shop, reader: Client) -> None:
    ids = filled(shop)

    pages = [get(reader, list_url(queue=shop.queue, **terms)) for terms in ({}, {"q": "svg"}, {"task": POLYGLOT[:170]})]
    pages += [get(reader, job_url(shop.queue, job_id)) for job_id in ids]

    for page in pages:
        assert [raw for raw in RAW if raw in page] == []
        assert Inline(page).found == []
    assert sum("&lt;svg/onload=alert(1)&gt;" in page for page in pages) == len(pages)


@pytest.mark.parametrize("name", ["p", "all", "q", "o", "queue", "state", "since", "task", "e", "_facets", "x", "when"])
def test_no_parameter_of_the_list_is_an_error_of_the_server(shop: Shop, reader: Client, name: str) -> None:
    shop.one_of_each()

    codes = {odd: reader.get(list_url(**{name: odd})).status_code for odd in (*ODD, POLYGLOT)}

    assert {odd: code for odd, code in codes.items() if code >= 500} == {}


@pytest.mark.parametrize(
    "name", ["when__year", "when__month", "when__day", "when__gte", "when__lt", "id__in", "state__in"]
)
def test_no_date_of_the_list_is_an_error_of_the_server(memory_shop: Shop, reader: Client, name: str) -> None:
    memory_shop.one_of_each()
    year = {} if name == "when__year" else {"when__year": 2026}

    codes = {odd: reader.get(list_url(**year, **{name: odd})).status_code for odd in DATES}

    assert {odd: code for odd, code in codes.items() if code >= 500} == {}


def test_no_key_of_a_job_is_an_error_of_the_server(shop: Shop, reader: Client) -> None:
    keys = (
        *ODD[:-4],
        POLYGLOT,
        ":",
        "::",
        f"{shop.queue}:",
        ":x",
        "_5F",
        "_",
        "../..",
        "a" * 5_000,
        f"{shop.queue}:\n",
    )

    codes = {
        key: reader.get(job_url(shop.queue, key, page)).status_code for key in keys for page in ("change", "history")
    }

    assert {key: code for key, code in codes.items() if code >= 500} == {}


@pytest.mark.parametrize("place", range(len(ANNOUNCED)))
def test_pages_of_jobs_with_hostile_bytes_are_there(memory_shop: Shop, reader: Client, place: int) -> None:
    shop, data = memory_shop, ANNOUNCED[place]
    result = shop.settle(makers.success(shop.claim(1), data))
    call = shop.run(shop.keep.put(task=INVOICE, call=data)).id
    broken = shop.put(1)
    shop.run(shop.keep.corrupt(broken, data))

    get(reader, list_url())
    for job_id in (result, call, broken):
        get(reader, job_url(shop.queue, job_id))


def test_values_that_are_deep_or_times_out_of_any_calendar_are_shown(shop: Shop, reader: Client) -> None:
    value: Any = "end"
    for _ in range(60):
        value = [value]
    deep = shop.settle(makers.success(shop.claim(value, labels={"deep": value}), codec.encode(value)))
    late = shop.put(1, delay_ms=LONGEST_MS, enqueued_ms=LONGEST_MS)
    running = shop.running()
    told: list[tuple[Any, ...]] = [(1,), (float("nan"), 2, "x"), ("x", "y", "z"), (1, 0), ([],), (1, 2, 3, 4)]
    for progress in (*told, (10**18, 1, "x" * 9_000)):
        shop.run(shop.worker.beat(News({running: (1 << 63) - 1}, {running: progress})))
        get(reader, job_url(shop.queue, running))

    for job_id in (deep, late):
        get(reader, job_url(shop.queue, job_id))
    get(reader, list_url())
    get(reader, list_url(state=State.SCHEDULED))
