"""Looking at pages as a browser would: addresses, and what of a page could act."""

from html.parser import HTMLParser
from typing import Any
from urllib.parse import urlencode

from django.contrib.admin.utils import quote
from django.test import Client
from django.urls import reverse

LIST = "admin:ardiq_job_changelist"


def list_url(**terms: Any) -> str:
    return f"{reverse(LIST)}?{urlencode(terms)}" if terms else reverse(LIST)


def job_url(queue: str, job_id: str, page: str = "change") -> str:
    return reverse(f"admin:ardiq_job_{page}", args=[quote(f"{queue}:{job_id}")])


def get(client: Client, url: str) -> str:
    """The page at an address, which must be there."""
    response = client.get(url)
    assert response.status_code == 200, (response.status_code, response.headers)
    return response.content.decode()


class Table(HTMLParser):
    """The cells of the list, by column."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.rows: list[dict[str, str]] = []
        self._column = ""
        self._inside = False
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "table":
            self._inside = dict(attrs).get("id") == "result_list"
        elif tag == "tr" and self._inside:
            self.rows.append({})
        elif tag in ("td", "th"):
            classes = (dict(attrs).get("class") or "").split()
            self._column = next((name[6:] for name in classes if name.startswith("field-")), "")
        if self._column == "job_id" and tag == "code" and self._inside:
            self.rows[-1]["id"] = dict(attrs)["title"] or ""

    def handle_endtag(self, tag: str) -> None:
        if tag in ("td", "th"):
            self._column = ""
        elif tag == "table":
            self._inside = False

    def handle_data(self, data: str) -> None:
        if self._inside and self._column:
            row = self.rows[-1]
            row[self._column] = " ".join([*row.get(self._column, "").split(), *data.split()])


def rows(page: str) -> list[dict[str, str]]:
    return [row for row in Table(page).rows if row]


def ids(page: str) -> list[str]:
    return [row["id"] for row in rows(page)]


class Inline(HTMLParser):
    """Whatever a strict content security policy would refuse."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "style" or (tag == "script" and "src" not in given):
            self.found.append(tag)
        self.found += [name for name in given if name == "style" or name.startswith("on")]
        address = given.get("src") or (given.get("href") if tag == "link" else "")
        if address and "//" in address:
            self.found.append(address)
