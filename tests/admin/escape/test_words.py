"""Hostile texts where they are answered: in addresses, searches, forms, questions, messages and files."""

import csv
import json
from io import StringIO
from typing import Any
from urllib.parse import quote as percent
from urllib.parse import quote_from_bytes, urlencode

import pytest
from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.contrib.admin.utils import quote
from django.test import Client

from ardiq_django.dashboard.section import SectionMixin
from ardiq_django.results import State
from ardiq_django.snapshot import Query
from tests.admin.escape.audit import Audit
from tests.admin.escape.shop import HostileShop
from tests.admin.escape.test_walk import ROOT
from tests.admin.escape.texts import LONG, TEXTS
from tests.admin.pages import job_url, list_url
from tests.admin.shop import INVOICE

SECTIONS = [section for section in admin.site._registry.values() if isinstance(section, SectionMixin)]
SENT = [*TEXTS.values(), "\x00", LONG[:9_000]]
NO_PAIR = quote_from_bytes("\ud800<xss>".encode("utf-8", "surrogatepass"))
PAGES = {
    "job": ["reschedule", "amend", "json", "delete"], "task": ["enqueue"], "queue": [], "worker": [], "schedule": []
}  # fmt: skip
PARAMETERS = {
    "job": ("q", "queue", "task", "state", "since", "group", "o", "p", "when__year", "_changelist_filters"),
    "queue": ("q", "o", "p"),
    "task": ("q", "queue", "o"),
    "worker": ("q", "queue", "o"),
    "schedule": ("q", "queue", "o", "_changelist_filters"),
}


def at(model: str, key: str, page: str) -> str:
    """The address of a page of an object."""
    return f"{ROOT}{model}/{percent(quote(key))}/{page}/"


def looked(client: Client, address: str, data: dict[str, Any] | None = None) -> list[str]:
    """What is wrong with the page, or with the one that it leads to. Data are sent by POST."""
    response = client.get(address, follow=True) if data is None else client.post(address, data, follow=True)
    if response.status_code in (403, 404, 405, 414):
        return Audit(response.content.decode()).found if response.content else []
    if response.status_code != 200:
        return [f"status {response.status_code}"]
    return Audit(response.content.decode()).found if response["Content-Type"].startswith("text/html") else []


def test_what_is_searched_for_and_chosen_is_text(memory_hostile: HostileShop, operator: Client) -> None:
    found: dict[str, list[str]] = {}
    for model, names in PARAMETERS.items():
        for place, name in enumerate(names):
            for query in (urlencode({name: SENT[place % len(SENT)]}), urlencode({name: SENT[0]}), f"{name}={NO_PAIR}"):
                found[f"{model} {query}"] = looked(operator, f"{ROOT}{model}/?{query}")
    for text in SENT:
        found[f"q {text[:20]}"] = looked(operator, list_url(q=text))
        found[f"span {text[:20]}"] = looked(operator, f"{ROOT}?{urlencode({'span': text})}")

    assert {address: one for address, one in found.items() if one} == {}
    assert Audit(operator.get(list_url(q=TEXTS["markup"])).content.decode()).shows(TEXTS["markup"])


@pytest.mark.parametrize("model", PAGES)
def test_the_name_of_what_is_not_there_is_text(memory_hostile: HostileShop, operator: Client, model: str) -> None:
    found: dict[str, list[str]] = {}
    queue = memory_hostile.shop.queue
    for text in TEXTS.values():
        for key in (text, f"{queue}:plan:{text}x" if model == "schedule" else f"{queue}:{text}x"):
            for page in (*PAGES[model], "change", "history"):
                address = at(model, key, page)
                found[address] = looked(operator, address)

    assert {address: one for address, one in found.items() if one} == {}


def keys(hostile: HostileShop) -> dict[str, list[str]]:
    """Every object, by section."""
    shop, run = hostile.shop, hostile.shop.run
    jobs = [row.job.id for row in run(shop.broker.page(Query(states=tuple(State)))).rows]
    plans = [one.plan.id for one in run(shop.broker.schedules.page()).rows]
    return {
        "job": [f"{shop.queue}:{one}" for one in jobs],
        "queue": [shop.queue],
        "task": [f"{shop.queue}:{INVOICE}"],
        "worker": [f"{shop.queue}:{row.card.epoch}" for row in run(shop.broker.workers())],
        "schedule": [f"{shop.queue}:plan:{one}" for one in plans],
    }


@pytest.mark.parametrize("sent", [{}, {"confirmed": "yes"}], ids=["question", "deed"])
def test_what_is_asked_about_and_told_after_a_deed_is_text(
    memory_hostile: HostileShop, operator: Client, sent: dict[str, str]
) -> None:
    found: dict[str, list[str]] = {}
    before = keys(memory_hostile)
    for section in SECTIONS:
        model = str(section.opts.model_name)
        for deed in section.deeds:
            for key in before[model]:
                found[f"{deed.name} {key}"] = looked(operator, at(model, key, deed.name), sent)

    assert {what: one for what, one in found.items() if one} == {}
    assert LogEntry.objects.filter(object_repr__contains="<xss>").exists()
    assert looked(operator, ROOT) == looked(operator, "/admin/") == []


@pytest.mark.parametrize("action", ["retry", "abort", "delete"])
def test_the_question_about_a_whole_list_is_text(memory_hostile: HostileShop, operator: Client, action: str) -> None:
    found: dict[str, list[str]] = {}
    for text in TEXTS.values():
        for terms in ({"q": text[:60]}, {"task": text[:170]}):
            sent = {"action": action, "select_across": "1", "_selected_action": keys(memory_hostile)["job"][:1]}
            found[f"{action} {terms}"] = looked(operator, list_url(queue=memory_hostile.shop.queue, **terms), sent)
    ticked = {"action": action, "select_across": "0", "_selected_action": keys(memory_hostile)["job"]}
    found["ticked"] = looked(operator, list_url(queue=memory_hostile.shop.queue), ticked)

    assert {what: one for what, one in found.items() if one} == {}


def forms(hostile: HostileShop) -> list[str]:
    """Every page with a form."""
    queue, known = hostile.shop.queue, keys(hostile)
    later = [key for key in known["job"] if key.endswith("-later")]
    return [
        at("task", known["task"][0], "enqueue"),
        f"{ROOT}schedule/add/?{urlencode({'task': f'{queue}:{INVOICE}'})}",
        *(at("schedule", key, "change") for key in known["schedule"]),
        *(at("job", key, "reschedule") for key in later),
    ]


def test_what_was_typed_into_a_form_comes_back_as_text(memory_hostile: HostileShop, operator: Client) -> None:
    found: dict[str, list[str]] = {}
    typed = 0
    for address in forms(memory_hostile):
        page = operator.get(address)
        assert page.status_code == 200, address
        names = [name for name in Audit(page.content.decode()).fields if name]
        for text in SENT:
            found[f"{address} {text[:20]!r}"] = looked(operator, address, dict.fromkeys(names, text))
            typed += len(names)

    assert {what: one for what, one in found.items() if one} == {}
    assert typed > 100


def answer(client: Client, address: str) -> str:
    response = client.get(address)
    assert response.status_code == 200
    streamed = getattr(response, "streaming_content", None)
    return (b"".join(streamed) if streamed else response.content).decode()


def test_files_for_programs_are_what_they_say_and_hold_no_formula(hostile: HostileShop, operator: Client) -> None:
    shop = hostile.shop
    jobs = [key.partition(":")[2] for key in keys(hostile)["job"]]
    told = [json.loads(answer(operator, job_url(shop.queue, one, "json"))) for one in jobs]
    listed = json.loads(answer(operator, f"{ROOT}job/export/json/?queue={shop.queue}"))
    table = list(csv.reader(StringIO(answer(operator, f"{ROOT}job/export/csv/?queue={shop.queue}"), newline="")))
    status = json.loads(answer(operator, f"{ROOT}queue/status.json"))

    assert len(told) == len(listed) == len(table) - 1 == 4 * len(TEXTS)
    assert {cell[:1] for row in table for cell in row} & set("=+-@\t\r\n") == set()
    assert {len(row) for row in table} == {len(table[0])}
    assert {one["task"] for one in listed} == {text[:170] for text in TEXTS.values()}
    assert status["complete"]
