"""What the shop does in the background: some of it fails, some tells how far it is, some is done by the clock."""

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

from django.conf import settings

from ardiq_django import current_task
from ardiq_django.ardiq import Ardiq
from ardiq_django.declared import get_app
from ardiq_django.keywords import TaskKeywords
from tests.browser.store import DEPARTMENTS

log = logging.getLogger(__name__)


class CardDeclined(Exception):
    """The bank says no."""


async def confirm_order(order: int, customer: str = "") -> str:
    """Send the customer what was ordered."""
    await asyncio.sleep(0.04)
    return f"order {order} confirmed"


async def charge_card(order: int, card: str, cents: int = 4990) -> str:
    """Charge the card of an order; whoever has no money left is told so by the bank."""
    log.warning("asking the bank for %s cents", cents)
    await asyncio.sleep(0.2)
    if cents > 100_000:
        raise CardDeclined(f"order {order}: the bank declines {cents / 100:.2f} EUR")
    return "paid"


async def print_catalogue(pages: int, printed: str) -> int:
    """Print so many pages, as far as the printer has come; the number of pages done stands in a file."""
    done = 0
    while done < pages:
        now = int(Path(printed).read_text() or 0)  # noqa: ASYNC240 (some bytes)
        if now != done:
            await current_task().progress(now, pages, f"page {now}")
        done = now
        await asyncio.sleep(0.05)
    return done


async def send_newsletter(customer: int, subject: str = "What is new in autumn") -> str:
    """One letter to one customer."""
    return "sent"


async def resize_images(product: int) -> None:
    """Make the small pictures of a product."""


async def update_prices(supplier: str) -> None:
    """Fetch the prices of a supplier, who often does not answer."""
    raise ConnectionError(f"{supplier} does not answer")


async def count_stock() -> None:
    """Count what is left of everything."""


async def monthly_sales(month: str, thousand_rows: int = 0) -> None:
    """Add up what was sold, some thousand rows a second."""
    await asyncio.sleep(thousand_rows)


WORK: tuple[tuple[Callable[..., Any], TaskKeywords], ...] = (
    (confirm_order, {"name": "orders.confirm"}),
    (charge_card, {"name": "orders.charge_card", "sensitive": ["card"], "no_retry_on": CardDeclined}),
    (print_catalogue, {"name": "catalogue.print"}),
    (resize_images, {"name": "catalogue.resize_images"}),
    (update_prices, {"name": "catalogue.update_prices", "max_retries": 3, "backoff_ms": 3_600_000}),
    (send_newsletter, {"name": "newsletter.send"}),
    (monthly_sales, {"name": "reports.monthly_sales"}),
)


def declare(queue: str) -> None:
    """A queue that is called as a department does its work, any other one that of all of them."""
    app = get_app(queue)
    for body, options in WORK:
        if queue not in DEPARTMENTS or str(options["name"]).startswith(f"{queue}."):
            app.task(**options)(body)
    _declare_crons(app)


def _declare_crons(app: Ardiq) -> None:
    if app.queue_name not in DEPARTMENTS or app.queue_name == "catalogue":
        app.cron("0 5 * * *", timezone="Europe/Vienna", name="catalogue.count_stock")(count_stock)


for queue in settings.ARDIQ:
    declare(queue)
