"""The counters above a page: they follow what happens, where they stand, and where nothing else changes any more."""

from tests.browser.site import Site
from tests.browser.test_acting import failed, job
from tests.browser.test_looking import NARROW
from tests.browser.viewer import Viewer

STRIP = "[data-live=totals]"


def scheduled(viewer: Viewer) -> int:
    return int(viewer.text(f"{STRIP} a[href*='state=scheduled'] .ardiq-count").replace(",", ""))


def test_they_follow_without_the_page_being_loaded_again(viewer: Viewer, site: Site, queue: str) -> None:
    viewer.refresh_every(2)
    viewer.open("/admin/ardiq/worker/")
    before = scheduled(viewer)
    viewer.run("window.isTheSame = true")

    site.sell(queue, "newsletter.send", 7, times=3, delay_ms=3_600_000)

    viewer.until(lambda: scheduled(viewer) == before + 3)
    assert viewer.run("return window.isTheSame")


def test_they_follow_beside_a_job_that_has_ended(viewer: Viewer, site: Site, queue: str) -> None:
    (payment,) = failed(viewer, site, queue, 51)
    viewer.refresh_every(2)
    viewer.open(job(queue, payment))
    before = scheduled(viewer)
    viewer.run("window.isTheSame = true")

    site.sell(queue, "newsletter.send", 7, times=2, delay_ms=3_600_000)

    viewer.until(lambda: scheduled(viewer) == before + 2)
    assert viewer.run("return window.isTheSame")


def test_one_leads_to_such_jobs(viewer: Viewer, site: Site, queue: str) -> None:
    site.sell(queue, "newsletter.send", 7, delay_ms=3_600_000)
    viewer.open(f"/admin/ardiq/task/?queue={queue}")

    viewer.click(f"{STRIP} a[href*='state=scheduled']")

    viewer.until(lambda: viewer.path == f"/admin/ardiq/job/?queue={queue}&state=scheduled")
    viewer.sees("newsletter.send", "#result_list")


def test_on_a_narrow_screen_they_scroll_for_themselves(viewer: Viewer, site: Site) -> None:
    viewer.resize(NARROW, 900)

    for page in ("worker/", "schedule/add/?task=database:orders.confirm"):
        viewer.open(f"/admin/ardiq/{page}")
        assert viewer.run("return document.documentElement.scrollWidth") <= NARROW
        assert viewer.run("return arguments[0].clientHeight", viewer.driver.find_element("css selector", STRIP)) < 60
