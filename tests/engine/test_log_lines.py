"""What a worker logs of hostile jobs: one line of one form for each event, and tracebacks indented."""

import io
import logging
import re
from collections.abc import Iterator

import pytest

from ardiq_django import Ardiq, Retry
from ardiq_django.clock import new_id, now_ms
from ardiq_django.wire import FORMAT, StagedJob
from tests.engine.house import House

POLYGLOT = "x\nERROR job failed id=1 task=forged\r\n\x1b[2J\u2028\u202e\x85 id=2 \"quoted\" 'too' %s {0}"
VALUE = r'(?:"[^"]*"|[^\s="]+)'
JOB = rf"job [a-z ]+ id={VALUE} task={VALUE} queue={VALUE} worker={VALUE} attempt=\d+(?: |:|$).*"
WORKER = rf"(?:worker (?:began|stops|ended)|took back \d+ jobs).* queue={VALUE} worker={VALUE}.*"
EVENT = re.compile(rf"[A-Z]+ (?:{JOB}|{WORKER})")


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """What a file would hold that the logger of workers writes to."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(logging.Formatter("%(levelname)s %(message)s"))
    logger = logging.getLogger("ardiq.worker")
    logger.addHandler(handler)
    level = logger.level
    logger.setLevel(logging.DEBUG)
    yield stream
    logger.setLevel(level)
    logger.removeHandler(handler)


def declare(app: Ardiq) -> None:
    @app.task(name=POLYGLOT, max_retries=1, backoff_ms=[0])
    async def fails(how: str) -> None:
        raise {"again": Retry, "odd": type("Odd\nERROR forged", (Exception,), {})}.get(how, ValueError)(POLYGLOT)

    @app.task(name="fine")
    def succeeds() -> str:
        return POLYGLOT

    @app.on_error
    def hook(context: object) -> None:
        raise RuntimeError(POLYGLOT)


def is_event(line: str) -> bool:
    return EVENT.fullmatch(line) is not None and line.isprintable()


async def test_each_event_is_one_line_of_the_form(house: House, log: io.StringIO) -> None:
    app = house.app(unknown_task_grace_s=0, worker_id=POLYGLOT)
    declare(app)
    for how in ("once", "again", "odd"):
        await app.ref(POLYGLOT).options(task_id=f"{how} {POLYGLOT}").enqueue(how)
    await app.ref("fine").options(task_id=POLYGLOT).enqueue()
    await app.ref(f"unknown {POLYGLOT}").enqueue()
    rubbish = StagedJob(FORMAT, new_id(), POLYGLOT, app.options.lane, POLYGLOT.encode(), now_ms())
    await app.broker.enqueue([rubbish])

    await house.burst(app)

    lines = log.getvalue().split("\n")[:-1]
    assert [one for one in lines if not (one.startswith("    ") or is_event(one))] == []
    assert sum(one.startswith("ERROR job failed id=") for one in lines) == 5
    assert [one for one in lines if not one.isprintable()] == []
    assert sum(one.startswith("ERROR job error hook failed") for one in lines) >= 3
    assert "    ValueError: x" in lines
