"""The page of a worker: reached from the list, alive, without a mouse, and on a narrow screen."""

from collections.abc import Iterator

import pytest
from selenium.webdriver.common.keys import Keys

from tests.browser.site import Site
from tests.browser.test_acting import job
from tests.browser.test_looking import NARROW
from tests.browser.test_shortcuts import keys
from tests.browser.viewer import Viewer

PAGES = 9
RUNS = "[data-live=runs]"


@pytest.fixture
def printing(viewer: Viewer, site: Site, queue: str) -> Iterator[list[str]]:
    """Five jobs that run until they are let go; the list of workers tells of them."""
    printed = site.home / f"printed-at-once-{queue}"
    printed.write_text("2")
    ids = site.sell(queue, "catalogue.print", PAGES, str(printed), times=5)
    viewer.open(f"/admin/ardiq/worker/?q={queue}")
    viewer.finds(lambda: "and 2 more" in viewer.text("#result_list"))
    yield ids
    printed.write_text(str(PAGES))
    viewer.open(job(queue, ids[0]))
    viewer.finds(lambda: "Succeeded" in viewer.text("[data-live=head]"))


def test_what_the_list_does_not_name_is_on_the_page(
    viewer: Viewer, site: Site, queue: str, printing: list[str]
) -> None:
    viewer.press("and 2 more")
    viewer.sees("What it runs")

    assert viewer.count(f"{RUNS} tbody tr") == 5
    assert {one for one in printing if viewer.count(f"{RUNS} [title='{one}']")} == set(printing)
    viewer.finds(lambda: viewer.count(f"{RUNS} progress[value='2'][max='{PAGES}']") == 5)


def test_it_follows_and_its_rows_are_reached_by_keys(
    viewer: Viewer, site: Site, queue: str, printing: list[str]
) -> None:
    viewer.refresh_every(2)
    viewer.press("and 2 more")
    viewer.until(lambda: viewer.count(f"{RUNS} tbody tr") == 5)
    viewer.run("window.isTheSame = true")

    (more,) = site.sell(queue, "catalogue.print", PAGES, str(site.home / f"printed-at-once-{queue}"))
    viewer.until(lambda: viewer.count(f"{RUNS} [title='{more}']") == 1)
    assert viewer.run("return window.isTheSame")

    keys(viewer, "j", "j", Keys.ENTER)
    viewer.until(lambda: viewer.path.startswith("/admin/ardiq/job/"))
    viewer.sees("Running", "[data-live=head]")


def test_on_a_narrow_screen_the_table_scrolls_for_itself(
    viewer: Viewer, site: Site, queue: str, printing: list[str]
) -> None:
    viewer.resize(NARROW, 900)
    viewer.press("and 2 more")
    viewer.sees("What it runs")

    assert viewer.run("return document.documentElement.scrollWidth") <= NARROW
