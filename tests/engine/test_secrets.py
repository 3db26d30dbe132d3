"""What a job carries is told to nobody but its task: no repr, no reason and no log line has it."""

import io
import logging
import sys
from collections.abc import Iterator

import pytest

from ardiq_django import Ardiq, codec
from ardiq_django.clock import now_ms
from ardiq_django.producer import Call
from ardiq_django.results import State
from ardiq_django.stored import deliver
from ardiq_django.wire import FORMAT, End, Occurrence, StagedJob, Succeeded, pack
from tests.contract.makers import failure
from tests.engine.house import House, end_of

SECRET = "hunter2"
JOB = StagedJob(FORMAT, "id", "shop.mail", "default", codec.encode([[SECRET], {}]), now_ms(), headers={"a": SECRET})


def test_no_repr_of_ours_tells_what_a_job_carries(house: House) -> None:
    app = house.app()

    @app.task(name="shop.mail")
    async def mail(password: str) -> None: ...

    delivery = deliver("id", pack(JOB), 1)
    shown = [
        mail, mail.prepare(SECRET), JOB, delivery, Succeeded(delivery, 1, 2, SECRET.encode(), 0), failure(delivery),
        Call("shop.mail", None, (SECRET,), {}), Occurrence("a", 1, JOB), app.producer, app.job("id"),
        End(State.SUCCEEDED, 1, 0, 1, 2, "w", "e.1", -1, "", SECRET.encode()),
    ]  # fmt: skip

    assert [type(one).__name__ for one in shown if SECRET in repr(one)] == []


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    logging.getLogger().addHandler(handler)
    yield stream
    logging.getLogger().removeHandler(handler)


def declare(app: Ardiq) -> None:
    @app.task(name="login", max_retries=0)
    async def login(user: str, password: str) -> None:
        raise LookupError("no such user")

    @app.task(name="paid", max_retries=0, sensitive=["card"])
    def paid(card: str) -> None: ...


async def test_neither_reasons_nor_logs_tell_an_argument(house: House, log: io.StringIO) -> None:
    app = house.app()
    declare(app)
    calls = {
        "login": [codec.encode([["me", SECRET], {}]), codec.encode([[SECRET], {}]), b"\xc1password" + SECRET.encode()],
        "paid": [codec.encode([[SECRET, SECRET], {}]), b"\xc1" + SECRET.encode()],
    }
    jobs = [
        StagedJob(FORMAT, f"{task}-{place}", task, app.options.lane, call, now_ms())
        for task, said in calls.items()
        for place, call in enumerate(said)
    ]
    await app.broker.enqueue(jobs)

    await house.burst(app)

    results = [await end_of(app.job(job.id)) for job in jobs]
    told = [text for one in results for text in (one.value, *map(str, one.attempts))]
    assert [one.state for one in results] == [State.FAILED] * len(jobs)
    assert [text for text in told if SECRET in text] == []
    assert SECRET not in log.getvalue()


async def test_more_than_a_worker_takes_is_not_even_decoded(house: House) -> None:
    producer, app = house.app(), house.app(max_payload_bytes=1_000)
    for one in (producer, app):
        one.task(name="print")(print)

    job = await producer.send("print", "x" * 2_000)
    await house.burst(app)

    result = await end_of(job)
    assert (result.success, result.tries) == (False, 1)
    assert result.value == "the arguments take 2,006 bytes, more than max_payload_bytes here"


async def test_names_in_jobs_import_nothing(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    for odd in ("antigravity", "this"):
        monkeypatch.delitem(sys.modules, odd, raising=False)
    app = house.app(unknown_task_grace_s=0)
    names = ["antigravity", "antigravity.fly", "this", "os.system", "os:system", "__main__", "../this", "builtins.eval"]
    calls = [codec._pack(codec._ext(codec._CLASS, [name, {}])) for name in names]
    jobs = [StagedJob(FORMAT, f"j{place}", name, "default", codec.encode([["true"], {}]), now_ms())
            for place, name in enumerate(names)]  # fmt: skip
    app.task(name="known")(print)
    jobs += [StagedJob(FORMAT, f"c{place}", "known", "default", call, now_ms()) for place, call in enumerate(calls)]
    await app.broker.enqueue(jobs)

    await house.burst(app)

    assert [await house.state(job.id) for job in jobs] == [State.FAILED] * len(jobs)
    assert {"antigravity", "this"} & sys.modules.keys() == set()
