"""What the pages of the admin show: drawn, alive, on narrow screens and in the dark, with nothing refused."""

import csv
import json
from pathlib import Path

import pytest

from tests.browser.site import Site
from tests.browser.viewer import Viewer

NARROW = 420
PAGES = {
    "overview": "/admin/ardiq/",
    "jobs": "/admin/ardiq/job/?queue=database",
    "failed": "/admin/ardiq/job/?queue=database&state=failed",
    "groups": "/admin/ardiq/job/?queue=database&state=failed&group=error",
    "tasks": "/admin/ardiq/task/",
    "enqueue": "/admin/ardiq/task/database:orders.charge_5Fcard/enqueue/",
    "queues": "/admin/ardiq/queue/",
    "workers": "/admin/ardiq/worker/",
    "schedules": "/admin/ardiq/schedule/",
    "schedule": "/admin/ardiq/schedule/add/?task=database:orders.confirm",
}


@pytest.fixture(scope="module")
def failed(opening: Site, window: Viewer) -> str:
    """A day in the shop: some orders, some letters for later, and the address of a payment that failed."""
    opening.sell("database", "orders.confirm", 4711, times=20)
    opening.sell("redis", "newsletter.send", 7, times=5, delay_ms=3_600_000)
    (job_id,) = opening.sell("database", "orders.charge_card", 4711, "4111 1111", 250_000)
    address = f"/admin/ardiq/job/database:{job_id}/change/"
    window.open(address)
    window.finds(lambda: "CardDeclined" in window.text())
    return address


def test_what_the_policy_refuses_is_seen(viewer: Viewer) -> None:
    viewer.open("/admin/ardiq/")

    viewer.run("document.body.setAttribute('style', 'color: red')")

    assert "Content Security Policy" in viewer.until(viewer.trouble)[0]


def test_the_overview_draws_what_ran(viewer: Viewer, failed: str) -> None:
    viewer.open("/admin/ardiq/")

    viewer.finds(lambda: viewer.count("[data-live=charts] svg") == 2)
    assert viewer.count("[data-live=charts] svg rect") > 0
    assert viewer.count("[data-live=charts] svg :is(polyline, circle)") > 0
    viewer.sees("orders.charge_card", "[data-live=failures]")
    viewer.sees("database", "[data-live=queues]")
    viewer.sees("redis", "[data-live=queues]")


def test_an_open_page_shows_new_jobs_without_being_loaded_again(viewer: Viewer, site: Site, queue: str) -> None:
    viewer.refresh_every(2)
    viewer.open(f"/admin/ardiq/job/?queue={queue}")
    viewer.run("window.sinceIt = 'was loaded'")
    before = viewer.text("[data-live=tabs]")

    (job_id,) = site.sell(queue, "reports.monthly_sales", "2026-10")

    viewer.until(lambda: viewer.count(f"[data-live=rows] [title='{job_id}']") == 1)
    viewer.until(lambda: viewer.text("[data-live=tabs]") != before)
    assert viewer.run("return window.sinceIt") == "was loaded"
    viewer.sees("Updated", ".ardiq-live")


def test_the_figures_of_the_overview_are_alive(viewer: Viewer, site: Site, queue: str) -> None:
    viewer.refresh_every(2)
    viewer.open("/admin/ardiq/")
    viewer.run("window.sinceIt = 'was loaded'")
    before = viewer.text("[data-live=counters]")

    site.sell(queue, "newsletter.send", 7, times=3, delay_ms=3_600_000)

    viewer.until(lambda: viewer.text("[data-live=counters]") != before)
    assert viewer.run("return window.sinceIt") == "was loaded"


def test_a_page_rests_while_a_row_is_ticked(viewer: Viewer, site: Site, failed: str) -> None:
    viewer.refresh_every(2)
    viewer.open("/admin/ardiq/job/?queue=database")
    viewer.click("tr input.action-select")
    (job_id,) = site.sell("database", "reports.monthly_sales", "2026-11")
    seen = viewer.turns()

    viewer.until(lambda: viewer.turns() > seen + 3)

    assert viewer.count(f"[title='{job_id}']") == 0
    assert viewer.count("tr input.action-select:checked") == 1
    viewer.click("tr input.action-select:checked")
    viewer.until(lambda: viewer.count(f"[title='{job_id}']") == 1)


@pytest.mark.parametrize("page", ["tasks", "schedules", "jobs"])
def test_tabs_stand_side_by_side(viewer: Viewer, failed: str, page: str) -> None:
    viewer.open(PAGES[page])

    tops = viewer.run("return [...document.querySelectorAll('.ardiq-tabs li')].map((one) => one.offsetTop)")

    assert len(tops) > 2
    assert len(set(tops)) <= 2


def test_nothing_is_wider_than_a_telephone(viewer: Viewer, failed: str) -> None:
    viewer.resize(NARROW, 900)
    widths = {}

    for name, path in {**PAGES, "job": failed}.items():
        viewer.open(path)
        widths[name] = viewer.run("return document.documentElement.scrollWidth")

    assert {name: width for name, width in widths.items() if width > NARROW} == {}


def test_every_word_can_be_read(viewer: Viewer, failed: str) -> None:
    """Words of ours stand out from what is behind them, light and dark, by the measure of WCAG."""
    measure = Path(__file__).with_name("contrast.js").read_text()
    faint = {}

    for name, path in {**PAGES, "job": failed}.items():
        viewer.open(path)
        for scheme in ("dark", "light"):
            viewer.prefer(scheme)
            ground = viewer.run("return getComputedStyle(document.body).backgroundColor")
            assert (ground == "rgb(255, 255, 255)") == (scheme == "light"), (name, ground)
            faint[name, scheme] = viewer.run(measure)

    assert {place: words for place, words in faint.items() if words} == {}


@pytest.mark.parametrize(("queue", "form"), [("database", "CSV"), ("redis", "JSON")])
def test_a_list_can_be_taken_along(viewer: Viewer, site: Site, queue: str, form: str) -> None:
    (job_id,) = site.sell(queue, "newsletter.send", 7, delay_ms=3_600_000)
    viewer.open(f"/admin/ardiq/job/?queue={queue}&state=scheduled")

    viewer.press(form)

    text = _downloaded(viewer, form.lower())
    rows = list(csv.DictReader(text.splitlines())) if form == "CSV" else json.loads(text)
    assert job_id in {row["id"] for row in rows}


def test_a_job_can_be_taken_along(viewer: Viewer, failed: str) -> None:
    viewer.open(failed)

    viewer.press("JSON")

    assert json.loads(_downloaded(viewer, "json"))["task"] == "orders.charge_card"


def _downloaded(viewer: Viewer, ending: str) -> str:
    """The file that has just come, which is then away."""
    path = viewer.until(lambda: next(viewer.downloads.glob(f"*.{ending}"), None))
    assert path
    text = path.read_text()
    path.unlink()
    return text
