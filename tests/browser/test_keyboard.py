"""Without a mouse: what can be reached, where one is, and what stays so while a page fetches itself again."""

import pytest
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.keys import Keys

from tests.browser.site import Site
from tests.browser.test_acting import failed, job, jobs
from tests.browser.test_looking import NARROW, PAGES
from tests.browser.viewer import Viewer

MOST_KEYS = 600
SOUGHT = """
window.sought = [...document.querySelectorAll(
  "#content :is(a[href]:not(.sortremove), button, select, textarea, input:not([type=hidden]), summary)"
)].filter((one) => one.checkVisibility() && !one.disabled && (one.type !== "radio" || one.checked));
window.reached = new Set();
window.unmarked = new Set();
return window.sought.length;
"""
NOTED = """
const here = document.activeElement;
if (window.sought.includes(here)) {
  window.reached.add(here);
  const style = getComputedStyle(here);
  const isMarked = parseFloat(style.outlineWidth) > 0 && style.outlineStyle !== "none";
  if (!isMarked && here.type !== "datetime-local") { // of a date the part that is typed is marked
    window.unmarked.add(here);
  }
}
return window.reached.size < window.sought.length;
"""
LEFT = "return window.sought.filter((one) => !window.reached.has(one)).map((one) => one.outerHTML.slice(0, 200))"
UNMARKED = "return [...window.unmarked].map((one) => one.outerHTML.slice(0, 200))"
IN_VIEW = """
const row = document.querySelector(".ardiq-tabs").getBoundingClientRect();
const tab = document.querySelector(".ardiq-tabs [aria-current]").getBoundingClientRect();
return tab.left >= row.left && tab.right <= row.right;
"""
UNTOLD = """
const all = (selector) => [...document.querySelectorAll(selector)];
return [
  ...all("svg:not([aria-label]), [role=img] a"),
  ...all(".ardiq-state, .ardiq-tabs a").filter((one) => !one.innerText.trim()),
].filter((one) => one.closest("#content")).map((one) => one.outerHTML.slice(0, 200));
"""


def press_key(viewer: Viewer, key: str) -> None:
    ActionChains(viewer.driver).send_keys(key).perform()


def tab_to(viewer: Viewer, selector: str) -> None:
    """Press Tab until it is there."""
    for _ in range(MOST_KEYS):
        if viewer.run("return document.activeElement.matches(arguments[0])", selector):
            return
        press_key(viewer, Keys.TAB)
    raise AssertionError(f"{selector} was not reached")


@pytest.mark.parametrize("page", PAGES)
def test_everything_is_reached_by_tab_and_shows_where_one_is(viewer: Viewer, site: Site, page: str) -> None:
    viewer.open(PAGES[page])
    assert viewer.run(SOUGHT) > 0

    for _ in range(MOST_KEYS):
        press_key(viewer, Keys.TAB)
        if not viewer.run(NOTED):
            break

    assert viewer.run(LEFT) == []
    assert viewer.run(UNMARKED) == []


def test_a_tab_is_opened_by_enter_and_says_that_it_is_the_current_one(viewer: Viewer, site: Site) -> None:
    viewer.open(jobs("database"))

    tab_to(viewer, ".ardiq-tabs a[href*='state=scheduled']")
    press_key(viewer, Keys.ENTER)

    viewer.until(lambda: "state=scheduled" in viewer.path)
    assert viewer.text(".ardiq-tabs [aria-current=page]").startswith("Scheduled")
    assert viewer.count(".ardiq-tabs [aria-current]") == 1


@pytest.mark.parametrize("state", ["queued", "failed", "expired"])
def test_the_current_tab_is_in_view_on_a_narrow_screen(viewer: Viewer, site: Site, state: str) -> None:
    viewer.resize(NARROW, 900)

    viewer.open(jobs("database", state=state))

    viewer.until(lambda: viewer.run(IN_VIEW))
    assert viewer.run("return document.documentElement.scrollWidth") <= NARROW


def test_a_grave_deed_is_asked_about_and_left_alone_by_keys(viewer: Viewer, site: Site, queue: str) -> None:
    (payment,) = failed(viewer, site, queue, 31)
    viewer.open(job(queue, payment))

    tab_to(viewer, "button[formaction$='/remove/']")
    press_key(viewer, Keys.ENTER)
    viewer.sees("Are you sure? This will delete")
    tab_to(viewer, ".cancel-link")
    press_key(viewer, Keys.ENTER)

    viewer.until(lambda: viewer.path == job(queue, payment))
    viewer.sees("Failed", "[data-live=head]")


def test_a_refresh_leaves_one_where_one_was(viewer: Viewer, site: Site, queue: str) -> None:
    site.sell(queue, "newsletter.send", 7, times=2, delay_ms=3_600_000)
    viewer.resize(NARROW, 900)
    viewer.refresh_every(2)
    viewer.open(jobs(queue, state="scheduled"))
    row = "[data-live=rows] tbody tr:last-child th a"
    tab_to(viewer, row)
    viewer.run("document.querySelector('[data-live=rows] .results').scrollLeft = 120")
    here = viewer.run("return document.activeElement.href")

    (added,) = site.sell(queue, "newsletter.send", 8, delay_ms=1_800_000)

    viewer.until(lambda: viewer.count(f"[data-live=rows] [title='{added}']") == 1)
    assert viewer.run("return document.activeElement.href") == here
    assert viewer.run("return document.querySelector('[data-live=rows] .results').scrollLeft") == 120


def test_no_picture_is_without_a_name_and_no_state_without_a_word(viewer: Viewer, site: Site, queue: str) -> None:
    (payment,) = failed(viewer, site, queue, 32)

    for page in ("/admin/ardiq/", "/admin/ardiq/task/", job(queue, payment), jobs(queue)):
        viewer.open(page)
        assert viewer.run(UNTOLD) == [], page
