"""Single keys: where they lead, what they do in a list, when they rest, and how they are switched off."""

from collections.abc import Iterator

import pytest
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.keys import Keys

from tests.browser.site import Site
from tests.browser.test_acting import job, jobs
from tests.browser.test_keyboard import press_key
from tests.browser.test_looking import NARROW
from tests.browser.viewer import Viewer

ROOT = "/admin/ardiq/"
OPEN = "dialog[data-ardiq-keys][open]"
CURRENT = "return document.activeElement.matches('tr') ? document.activeElement.querySelector('th a').href : ''"
AT = "return document.querySelectorAll('#result_list tbody tr th a')[arguments[0]].href"
DIALOG = """
const { left, right, top, bottom } = document.querySelector("dialog").getBoundingClientRect();
return [left, right, top, bottom];
"""
TAKEN = "document.addEventListener('keydown', (event) => event.preventDefault(), true)"


def keys(viewer: Viewer, *pressed: str) -> None:
    for key in pressed:
        press_key(viewer, key)


@pytest.fixture
def later(viewer: Viewer, site: Site, queue: str) -> Iterator[str]:
    """The list of what is scheduled in a queue, some pages of it."""
    site.sell(queue, "newsletter.send", 7, times=60, delay_ms=3_600_000)
    viewer.open(jobs(queue, state="scheduled"))
    yield viewer.path
    viewer.run("localStorage.removeItem('ardiq.keys')")


@pytest.mark.parametrize("page", ["", "job/", "queue/", "schedule/add/?task=database:orders.confirm"])
def test_a_question_mark_shows_and_hides_them_and_escape_hides_them(viewer: Viewer, site: Site, page: str) -> None:
    viewer.open(ROOT + page)
    assert viewer.count(OPEN) == 0

    keys(viewer, "?")
    viewer.sees("Keyboard shortcuts", OPEN)
    keys(viewer, "?")
    assert viewer.count(OPEN) == 0
    keys(viewer, "?", Keys.ESCAPE)
    assert viewer.count(OPEN) == 0


@pytest.mark.parametrize(
    ("key", "page"), [("o", ""), ("j", "job/"), ("t", "task/"), ("q", "queue/"), ("w", "worker/"), ("s", "schedule/")]
)
def test_two_keys_lead_to_each_section(viewer: Viewer, site: Site, key: str, page: str) -> None:
    viewer.open(jobs("database", state="failed"))

    keys(viewer, "g", key)

    viewer.until(lambda: viewer.path == ROOT + page)


def test_a_row_is_reached_ticked_and_opened(viewer: Viewer, site: Site, later: str) -> None:
    keys(viewer, "j", "j", "j", "k")
    assert viewer.run(CURRENT) == viewer.run(AT, 1)

    keys(viewer, "x")
    assert viewer.run("return document.activeElement.querySelector('input').checked")
    assert viewer.count(".action-select:checked") == 1
    keys(viewer, "x")
    assert viewer.count(".action-select:checked") == 0

    opened = viewer.run(CURRENT)
    keys(viewer, Keys.ENTER)
    viewer.until(lambda: viewer.driver.current_url == opened)
    viewer.sees("Scheduled", "[data-live=head]")


def test_pages_of_a_list_are_turned(viewer: Viewer, site: Site, later: str) -> None:
    keys(viewer, "p")
    assert viewer.path == later

    keys(viewer, "n")
    viewer.until(lambda: "p=2" in viewer.path)
    keys(viewer, "p")
    viewer.until(lambda: "p=1" in viewer.path)


def test_what_is_typed_is_text(viewer: Viewer, site: Site, later: str) -> None:
    keys(viewer, "/", "j", "x", "?", "g", "w")

    assert viewer.run("return document.activeElement.value") == "jx?gw"
    assert viewer.count(OPEN) == 0
    assert viewer.path == later


@pytest.mark.parametrize("modifier", [Keys.ALT, Keys.SHIFT])
def test_with_a_modifier_they_are_the_keys_of_others(viewer: Viewer, site: Site, later: str, modifier: str) -> None:
    ActionChains(viewer.driver).key_down(modifier).send_keys("j").key_up(modifier).perform()

    assert viewer.run(CURRENT) == ""


def test_a_key_that_a_theme_takes_is_left_to_it(viewer: Viewer, site: Site, later: str) -> None:
    viewer.run(TAKEN)

    keys(viewer, "?", "j")

    assert viewer.count(OPEN) == 0
    assert viewer.run(CURRENT) == ""


def test_switched_off_they_stay_off_and_the_button_still_shows_them(viewer: Viewer, site: Site, later: str) -> None:
    keys(viewer, "?")
    viewer.click(f"{OPEN} input")
    viewer.press("Close")
    viewer.open(later)

    keys(viewer, "?", "j", "g", "w")
    assert viewer.count(OPEN) == 0
    assert viewer.run(CURRENT) == ""
    assert viewer.path == later

    viewer.click("[data-ardiq-keys-open]")
    viewer.click(f"{OPEN} input")
    viewer.press("Close")
    keys(viewer, "j")
    assert viewer.run(CURRENT) == viewer.run(AT, 0)


def test_a_refresh_leaves_one_on_the_same_row(viewer: Viewer, site: Site, queue: str, later: str) -> None:
    viewer.refresh_every(2)
    viewer.open(later)
    keys(viewer, "j", "j")
    here = viewer.run(CURRENT)

    (added,) = site.sell(queue, "newsletter.send", 8, delay_ms=7_200_000)

    viewer.until(lambda: viewer.count(f"[data-live=rows] [title='{added}']") == 1)
    assert here in (viewer.run(AT, 0), viewer.run(AT, 1), viewer.run(AT, 2))
    assert viewer.run(CURRENT) == here
    keys(viewer, "j")
    assert viewer.run(CURRENT) not in ("", here)


def test_on_the_page_of_a_job_the_keys_of_a_list_do_nothing(viewer: Viewer, site: Site, queue: str) -> None:
    (job_id,) = site.sell(queue, "newsletter.send", 7, delay_ms=3_600_000)
    viewer.open(job(queue, job_id))

    keys(viewer, "j", "x", "n", "p", "/", Keys.ENTER)

    assert viewer.path == job(queue, job_id)


def test_the_dialog_fits_on_a_narrow_screen(viewer: Viewer, site: Site) -> None:
    viewer.resize(NARROW, 500)
    viewer.open(f"{ROOT}worker/")

    keys(viewer, "?")

    left, right, top, bottom = viewer.run(DIALOG)
    assert left >= 0 <= top
    assert right <= NARROW
    assert bottom <= 500
    assert viewer.run("return document.documentElement.scrollWidth") <= NARROW
