"""A transaction that somebody forgot, on PostgreSQL: work goes on beside it, and the doctor names it."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from django.db import connections
from pytest_django import Settings

from ardiq_django.operating import idle
from ardiq_django.operating.checkup import checkup
from ardiq_django.operating.finding import Verdict
from tests.database.conftest import ON_POSTGRES
from tests.engine.house import House, end_of

pytestmark = ON_POSTGRES
FORGOTTEN = "SELECT id FROM ardiq_job WHERE job_id = %s FOR UPDATE"


@contextmanager
def forgotten(sql: str, *values: str) -> Iterator[int]:
    """The process of a transaction that said this and nothing since."""
    connection = connections.create_connection("postgres")
    connection.inc_thread_sharing()
    try:
        connection.set_autocommit(False)
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_backend_pid()")
            (pid,) = cursor.fetchone()
            cursor.execute(sql, values)
        yield pid
        connection.rollback()
    finally:
        connection.close()


def test_claims_go_on_beside_one_that_holds_a_job() -> None:
    async def run() -> list[int]:
        house = House("database://postgres")
        app, ran = house.app(), list[int]()

        @app.task
        async def note(number: int) -> None:
            ran.append(number)

        first, *others = await app.enqueue_many([note.prepare(number) for number in range(50)])
        held = forgotten(FORGOTTEN, first.id)
        await asyncio.to_thread(held.__enter__)
        async with house.working(app):
            for job in others:
                assert (await end_of(job)).success
            assert 0 not in ran
            await asyncio.to_thread(held.__exit__, None, None, None)
            assert (await end_of(first)).success
        await house.close()
        return ran

    assert sorted(asyncio.run(run())) == list(range(50))


def test_the_doctor_names_it_with_the_remedy(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.ARDIQ = {"rows": {"BROKER": "database://postgres"}}
    monkeypatch.setattr(idle, "LONG_S", 0)

    with forgotten("SELECT 1") as pid:
        (found,) = [one for one in checkup("rows") if one.check == "transactions"]

    assert found.verdict is Verdict.WARN
    assert f"process {pid}, idle in transaction" in found.says
    assert f"pg_terminate_backend({pid})" in found.advice


def test_one_that_is_young_is_left_alone(settings: Settings) -> None:
    settings.ARDIQ = {"rows": {"BROKER": "database://postgres"}}

    with forgotten("SELECT 1"):
        assert [one for one in checkup("rows") if one.check == "transactions"] == []
