"""The user that the docs describe, with nothing but what is needed: tests run as that one."""

import re
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import quote

from redis import Redis

PAGE = Path(__file__).parents[2] / "docs" / "redis.md"
SECRET = "open:sesame/ @"


def published() -> list[str]:
    """The words of the command that makes it, as the page has them."""
    (line,) = re.findall(r"^ACL SETUSER .*$", PAGE.read_text(), re.MULTILINE)
    return str(line).split()


def as_published(url: str, *more: str, without: tuple[str, ...] = ()) -> str:
    """The address of a server by which one is that user; made there, with more words or without some."""
    acl, setuser, name, *words = published()
    words = [word.replace("PASSWORD", SECRET) for word in words if word not in without]
    client: Any = Redis.from_url(url)
    with closing(client):
        client.execute_command(acl, setuser, name, "reset", *words, *more)
    return url.replace("redis://", f"redis://{name}:{quote(SECRET, safe='')}@")
