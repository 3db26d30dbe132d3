"""Where the keys of a page lead: to the sections that its reader may see, and to the pages beside it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

KEYS = {"Job": "j", "Task": "t", "Queue": "q", "Worker": "w", "Schedule": "s"}


@dataclass(frozen=True, slots=True)
class Place:
    """A page, and the key that leads there after `g`."""

    key: str
    name: str
    address: str


def places(apps: Sequence[dict[str, Any]] | None) -> Iterator[Place]:
    """The sections of this site that the reader may see, by what the admin has found out for its own navigation."""
    for app in apps or ():
        if app["app_label"] == "ardiq":
            yield Place("o", _("Overview"), app["app_url"])
            by_name = {model["object_name"]: model for model in app["models"] if model.get("admin_url")}
            yield from (
                Place(key, by_name[name]["name"], by_name[name]["admin_url"])
                for name, key in KEYS.items()
                if name in by_name
            )


def beside(changelist: Any) -> dict[str, str]:
    """The addresses of the page before and the one after, where a list has them."""
    if changelist is None:
        return {}
    here, last = changelist.page_num, changelist.paginator.num_pages
    around = {"previous": here - 1, "next": here + 1}
    return {way: changelist.get_query_string({"p": page}) for way, page in around.items() if 1 <= page <= last}
