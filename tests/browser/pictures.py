"""`python -m tests.browser.pictures`: those of the admin in `docs/pictures`, of a shop that was open for a day."""

import sys
from base64 import b64decode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory

from PIL import Image

from tests.browser.serve import ADMIN, PASSWORD
from tests.browser.site import Site
from tests.browser.store import DEPARTMENTS
from tests.browser.viewer import MISSING, Viewer, programs
from tests.ring.processes import ROOT
from tests.services import make_work_dir

PICTURES = ROOT / "docs" / "pictures"
COLORS = 256
DAY_MS = 86_400_000


@dataclass(frozen=True, slots=True)
class Picture:
    """One page as somebody sees it."""

    name: str
    path: str
    width: int = 1280
    height: int = 900
    scheme: str = "light"


PLAIN = (
    Picture("overview", "/admin/ardiq/", height=1280),
    Picture("overview-dark", "/admin/ardiq/", height=1280, scheme="dark"),
    Picture("overview-narrow", "/admin/ardiq/", width=420, height=1100),
    Picture("jobs", "/admin/ardiq/job/?queue=orders"),
    Picture("tasks", "/admin/ardiq/task/", height=740),
    Picture("queues", "/admin/ardiq/queue/", height=560),
    Picture("workers", "/admin/ardiq/worker/", height=720),
    Picture("schedules", "/admin/ardiq/schedule/", height=680),
)


def make() -> None:
    found = programs()
    if found is None:
        sys.exit(MISSING)
    make_work_dir()
    PICTURES.mkdir(exist_ok=True)
    queues = {name: {"PRIORITIES": ["low", "default", "high"]} for name in DEPARTMENTS}
    with elsewhere() as root, Site(queues, root) as site, visited(*found, site) as viewer:
        lived(site)
        failed = busy(viewer, site)
        for picture in (*PLAIN, Picture("job", failed, height=1090)):
            take(viewer, picture)


@contextmanager
def elsewhere() -> Iterator[Path]:
    """The same code under a name that tells nothing of this machine."""
    with TemporaryDirectory(prefix="shop-") as directory:
        root = Path(directory) / "src"
        root.symlink_to(ROOT)
        yield root


@contextmanager
def visited(browser: str, driver: str, site: Site) -> Iterator[Viewer]:
    viewer = Viewer(browser, driver, site.address, site.home)
    try:
        site.opened()
        viewer.log_in(ADMIN, PASSWORD)
        viewer.refresh_every(0)
        viewer.run("localStorage.setItem('django.admin.navSidebarIsOpen', 'false')")
        yield viewer
    finally:
        viewer.close()


def lived(site: Site) -> None:
    """A day has passed, and two workers are at work."""
    past = site.start("past", "tests.browser.past")
    assert past.wait() == 0, site.said("past")
    for _ in range(2):
        site.hire("--concurrency", "12")


def busy(viewer: Viewer, site: Site) -> str:
    """What happens right now; returns the address of a payment that has just failed."""
    viewer.open("/admin/ardiq/queue/")
    viewer.finds(lambda: viewer.text("#result_list").count("Served") == len(DEPARTMENTS))
    viewer.press_in_row("newsletter", "Pause")
    site.sell("newsletter", "newsletter.send", 4713, times=240)
    site.sell("newsletter", "newsletter.send", 4714, times=1_800, delay_ms=DAY_MS // 2)
    site.sell("catalogue", "catalogue.update_prices", "Nordholz", times=3)
    site.sell("reports", "reports.monthly_sales", "2026-09", 600, times=2)
    for place, pages in enumerate((64, 240)):
        printed = site.home / f"printed-{place}"
        printed.write_text("41")
        site.sell("catalogue", "catalogue.print", pages, str(printed))
    for order in range(48_201, 48_207):
        site.sell("orders", "orders.confirm", order, "Ada", times=2)
        site.sell("orders", "orders.charge_card", order, "4111 1111", 4_990)
        refused = site.sell("orders", "orders.charge_card", order, "4111 1111", 129_900)
    viewer.open(f"/admin/ardiq/job/orders:{refused[0]}/change/")
    viewer.finds(lambda: "CardDeclined" in viewer.text())
    viewer.open("/admin/ardiq/worker/")
    viewer.finds(lambda: viewer.text("#result_list").count("catalogue.print") == 2)
    viewer.open("/admin/ardiq/job/?queue=orders&state=failed")
    for row in (2, 3):
        viewer.click(f"#result_list tbody tr:nth-child({row}) input.action-select")
    viewer.choose("action", "retry")
    viewer.click(".actions button[name=index]")
    viewer.open("/admin/ardiq/schedule/")
    viewer.press_in_row("prices of", "Run now")
    viewer.open("/admin/ardiq/")
    viewer.finds(lambda: viewer.text("[data-live=failures]").count("CardDeclined") > 5)
    return f"/admin/ardiq/job/orders:{refused[0]}/change/"


def take(viewer: Viewer, picture: Picture) -> None:
    viewer.resize(picture.width, picture.height)
    viewer.prefer(picture.scheme)
    viewer.open(picture.path)
    shot = viewer.driver.execute_cdp_cmd("Page.captureScreenshot", {"format": "png"})
    path = PICTURES / f"{picture.name}.png"
    small(b64decode(shot["data"]), path)
    sys.stdout.write(f"{path.relative_to(ROOT)}: {path.stat().st_size / 1000:.0f} kB\n")


def small(png: bytes, path: Path) -> None:
    """With few colours, those that only a dot has among them."""
    image = Image.open(BytesIO(png)).convert("RGB")
    image.quantize(COLORS, Image.Quantize.MAXCOVERAGE, kmeans=1, dither=Image.Dither.NONE).save(path, optimize=True)


if __name__ == "__main__":
    make()
