"""The published user can do what is needed, which the contract suite proves on Redis, and nothing else."""

import re
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from redis.asyncio import Redis
from redis.exceptions import NoPermissionError

from tests.contract.keep import Keep
from tests.redis.callers import check
from tests.redis.user import as_published, published

# what is said to make a connection ready, or by Lua and Python in capitals without being a command
OTHER_COMMANDS = {"select"}
NO_COMMANDS = {"limit", "withscores", "count", "load", "slots", "cluster", "config", "script", "sentinel"}
FORBIDDEN = [
    ("KEYS", "*"),
    ("FLUSHALL",),
    ("FLUSHDB",),
    ("EVAL", "return 1", 0),
    ("SCRIPT", "FLUSH"),
    ("CONFIG", "SET", "maxmemory", 0),
    ("ACL", "LIST"),
    ("GET", "another"),
    ("SUBSCRIBE", "another"),
    ("SHUTDOWN",),
    ("REPLICAOF", "NO", "ONE"),
    ("MONITOR",),
]


def used() -> set[str]:
    """The commands that stand in our scripts and in our Python."""
    home = Path(str(files("ardiq_django.brokers.redis")))
    scripts = "\n".join(path.read_text() for path in (home / "lua").glob("*.lua"))
    python = "\n".join(path.read_text() for path in home.glob("*.py"))
    found = {*re.findall(r"\b(?:call|variadic|gather)\('([A-Z]+)'", scripts), *re.findall(r'b"([A-Z]{3,})"', python)}
    found |= set(re.findall(r"'(LPUSH|RPUSH)'", scripts))
    return {name.lower() for name in found} - NO_COMMANDS


def test_the_published_commands_are_those_used() -> None:
    given = {word[1:] for word in published() if word.startswith("+")}

    assert {name for name in given if "|" not in name} == used() | OTHER_COMMANDS
    assert {name for name in given if "|" in name} == {"script|load", "config|get", "cluster|slots"}


async def test_jobs_run_and_are_waited_for(clean_redis_url: str) -> None:
    await check(as_published(clean_redis_url))
    await check(as_published(clean_redis_url.replace("/0", "/1")))


@pytest.mark.parametrize("words", FORBIDDEN, ids=lambda words: " ".join(map(str, words[:2])))
async def test_nothing_else_is_allowed(clean_redis_url: str, words: tuple[Any, ...]) -> None:
    client: Any = Redis.from_url(as_published(clean_redis_url))

    with pytest.raises(NoPermissionError):
        await client.execute_command(*words)

    await client.aclose()


async def test_a_user_of_one_queue_does_not_see_another(clean_redis_url: str) -> None:
    own = Keep(clean_redis_url)
    narrow = (f"~ardiq:{{{own.rules.queue}}}:*", f"&ardiq:{{{own.rules.queue}}}:*")
    address = as_published(clean_redis_url, *narrow, without=("~ardiq:*", "&ardiq:*"))
    mine, other = Keep(address), Keep(address)
    mine.ruled(queue=own.rules.queue)

    await mine.put()
    with pytest.raises(Exception, match="this user may not do that"):
        await other.put()

    for keep in (own, mine, other):
        await keep.close()


async def test_durability_says_what_it_may_not_read(clean_redis_url: str) -> None:
    for refused, sentence in (("+config|get", "save: refused to this user"), ("+info", "INFO is refused to this user")):
        keep = Keep(as_published(clean_redis_url, without=(refused,)))

        assert sentence in (await keep.broker.durability()).sentence

        await keep.close()
