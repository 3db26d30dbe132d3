"""Every page that links of the dashboard lead to, with hostile texts in every field: nothing of them acts."""

import re
from collections import Counter, deque
from collections.abc import Iterator
from urllib.parse import parse_qsl, urldefrag, urljoin, urlsplit

from django.test import Client

from tests.admin.escape.audit import Audit
from tests.admin.escape.shop import HostileShop
from tests.admin.escape.texts import TEXTS

INDEX = "/admin/"
ROOT = "/admin/ardiq/"
MOST_PAGES = 400


def shape(address: str) -> str:
    """Pages that differ by the values of their parameters only are one, but for the state; so are all with several."""
    parts = urlsplit(address)
    terms = parse_qsl(parts.query, keep_blank_values=True)
    names = sorted({name if name != "state" else f"state={value}" for name, value in terms})
    path = re.sub(r"-[a-z]+/history", "/history", parts.path)  # one for each text
    return f"{path}?{names[:1] if len(names) > 1 else names}"


class Walk:
    """The pages below the dashboard, by the links on them."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.found: dict[str, list[str]] = {}
        self.pages: dict[str, Audit] = {}

    def walk(self) -> None:
        waiting, seen = deque([ROOT, INDEX]), {shape(ROOT), shape(INDEX)}
        while waiting and len(self.pages) < MOST_PAGES:
            address = waiting.popleft()
            for link in self.look(address):
                if link.startswith(ROOT) and shape(link) not in seen:
                    seen.add(shape(link))
                    waiting.append(link)

    def look(self, address: str) -> Iterator[str]:
        """Audit one page; the links on it."""
        response = self.client.get(address, follow=True)
        led_to = [urlsplit(to).path for to, _ in getattr(response, "redirect_chain", ())]
        if response.status_code != 200 or not set(led_to) <= {INDEX}:  # with a word of what is not there
            self.found[address] = [f"status {response.status_code} by {led_to}"]
        elif response["Content-Type"].startswith("text/html"):
            audit = self.pages[address] = Audit(response.content.decode())
            if audit.found:
                self.found[address] = audit.found
            yield from (urldefrag(urljoin(address, link))[0] for link in audit.links)

    def kinds(self) -> Counter[str]:
        """How many pages of each kind were seen: section, and page of an object."""
        parts = (urlsplit(address).path.split("/")[3:] for address in self.pages)
        return Counter(" ".join([*part[:1], *part[2:3]]).strip() for part in parts)


def test_whatever_stands_in_any_field_is_text_on_every_page(hostile: HostileShop, operator: Client) -> None:
    walk = Walk(operator)

    walk.walk()

    assert walk.found == {}
    assert len(walk.pages) < MOST_PAGES
    kinds = walk.kinds()
    assert {"", "job", "queue", "task", "worker", "schedule", "task enqueue"} <= set(kinds), kinds
    for page in ("job change", "job history", "schedule change", "schedule history"):
        assert kinds[page] >= len(TEXTS), kinds
    for section in ("job", "task", "worker", "schedule"):
        shown = [audit for address, audit in walk.pages.items() if urlsplit(address).path == f"{ROOT}{section}/"]
        assert [name for name, text in TEXTS.items() if not any(one.shows(text[:60]) for one in shown)] == [], section
