"""Marks on the charts of the overview, such as deployments."""

import re
from xml.etree import ElementTree

import pytest
from django.db import connection
from django.test import Client, override_settings
from django.test.utils import CaptureQueriesContext

from ardiq_django.clock import now_ms
from ardiq_django.dashboard.overview.marks import MOST_DRAWN, MOST_LISTED, Marks
from ardiq_django.dashboard.overview.span import Span
from ardiq_django.models import Mark
from ardiq_django.statistics import BEGUN, SUCCEEDED, Figures
from tests.admin.conftest import client_of
from tests.admin.escape.texts import TEXTS
from tests.admin.pages import Inline, get
from tests.admin.shop import HOUR_MS, Shop

OVERVIEW = "/admin/ardiq/"
CHART = re.compile(r'<svg class="ardiq-chart".*?</svg>', re.DOTALL)
MINUTE_MS = 60_000


@pytest.fixture
def busy(memory_shop: Shop) -> Shop:
    """Whose charts show something."""
    memory_shop.run(memory_shop.broker.report(memory_shop.worker.epoch, 1, {"t": Figures({BEGUN: 5, SUCCEEDED: 5})}))
    return memory_shop


@pytest.fixture
def looker(db: None) -> Client:
    return client_of("looker", "view_queue")


def put(label: str, ago_ms: int = MINUTE_MS) -> None:
    Mark.objects.put(label, now_ms() - ago_ms)


def charts(page: str) -> list[ElementTree.Element]:
    return [ElementTree.fromstring(one) for one in CHART.findall(page)]  # noqa: S314 (our own)


def titles(chart: ElementTree.Element) -> list[str]:
    return [one.findtext("title") or "" for one in chart.iter("g") if one.attrib["class"] == "ardiq-flag"]


def listed(page: str) -> list[str]:
    _, _, found = page.partition('<ul class="ardiq-marks"')
    return [re.sub("<.*?>", "", one).strip() for one in re.findall("<li>(.*?)</li>", found.partition("</ul>")[0])]


def statements(client: Client, address: str) -> list[str]:
    with CaptureQueriesContext(connection) as queries:
        get(client, address)
    return [one["sql"] for one in queries.captured_queries if "ardiq_mark" in one["sql"]]


def test_a_mark_stands_on_both_charts_for_eyes_and_for_readers_and_in_a_list(busy: Shop, looker: Client) -> None:
    put("v1.2")

    page = get(looker, OVERVIEW)

    assert len(charts(page)) == 2
    for chart in charts(page):
        assert [title.partition(" (")[0] for title in titles(chart)] == ["v1.2"]
        assert ", with marks: v1.2 (" in chart.attrib["aria-label"]
    assert [one.partition(" ")[0] for one in listed(page)] == ["v1.2"]
    assert Inline(page).found == []


def test_only_marks_of_the_span_are_shown(busy: Shop, looker: Client) -> None:
    put("now")
    put("today", 3 * HOUR_MS)
    put("lately", 50 * HOUR_MS)
    put("long ago", 80 * 24 * HOUR_MS)

    found = {span: len(listed(get(looker, f"{OVERVIEW}?span={span}"))) for span in Span}

    assert found == {Span.HOUR: 1, Span.SHIFT: 2, Span.DAYS: 3, Span.QUARTER: 4}


def test_where_nothing_is_marked_nothing_is_said(busy: Shop, looker: Client) -> None:
    page = get(looker, OVERVIEW)

    assert [chart.attrib["aria-label"] for chart in charts(page)] == ["Throughput", "Latency"]
    assert "ardiq-marks" not in page


def test_they_cost_one_statement_and_none_where_no_chart_is_drawn(busy: Shop, looker: Client) -> None:
    put("v1.2")

    assert len(statements(looker, OVERVIEW)) == 1
    with override_settings(ARDIQ={"quiet": {"BROKER": "memory://"}}):
        assert statements(looker, OVERVIEW) == []


def test_of_many_the_newest_are_drawn_a_few_are_listed_and_the_rest_counted(busy: Shop, looker: Client) -> None:
    for number in range(MOST_LISTED + 2):
        put(f"v{number}", (100 - number) * 1000)
    some = get(looker, OVERVIEW)
    for number in range(MOST_DRAWN):
        put(f"w{number}", (50 - number) * 1000)
    many = get(looker, OVERVIEW)

    assert [one.split()[0] for one in listed(some)] == [*(f"v{number}" for number in range(9, 1, -1)), "and"]
    assert listed(some)[-1] == "and 2 earlier"
    assert "and 2 earlier" in charts(some)[0].attrib["aria-label"]
    assert listed(many)[-1] == f"and {MOST_DRAWN - MOST_LISTED}+ earlier"
    assert len(titles(charts(many)[0])) == MOST_DRAWN


@pytest.mark.parametrize("label", [text[:64] for text in TEXTS.values()])
def test_a_label_is_text_whatever_it_says(busy: Shop, looker: Client, label: str) -> None:
    put(label)

    page = get(looker, OVERVIEW)

    if label.isprintable():  # other labels are refused by the command, and are no XML
        assert [titles(chart)[0].startswith(f"{label} (") for chart in charts(page)] == [True, True]
    assert "<xss>" not in page
    assert Inline(page).found == []


def test_a_project_that_has_not_made_the_table_sees_its_overview(busy: Shop, looker: Client) -> None:
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE ardiq_mark RENAME TO elsewhere")  # undone with the test's transaction

    page = get(looker, OVERVIEW)

    assert len(charts(page)) == 2
    assert "ardiq-marks" not in page


@pytest.mark.parametrize("span", Span)
def test_its_place_is_its_share_of_the_axis(db: None, span: Span) -> None:
    now = now_ms()
    since = span.since_ms(now)
    for at_ms in (since - 1, since, since + span.length_ms // 4, now):
        Mark.objects.create(label=str(at_ms - since), at_ms=at_ms)

    shares = {one.label: one.share for one in Marks.of(span, now).drawn}

    assert shares == {"0": 0, str(span.length_ms // 4): 0.25, str(now - since): (now - since) / span.length_ms}
    assert max(shares.values()) < 1
