"""A file of SQLite that cannot be written or read: one clear error, and on with it once it is well."""

import asyncio
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import pytest_django
from django.core.management import call_command
from django.db import connections

from ardiq_django.brokers.base import QueueRules
from ardiq_django.brokers.database import DatabaseBroker
from ardiq_django.exceptions import BrokerError
from ardiq_django.wire import Acceptance
from tests.database.conftest import Outside, job

CREATED = [Acceptance.CREATED]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "jobs.sqlite3"


@pytest.fixture
def broker(file: Path, django_db_blocker: pytest_django.DjangoDbBlocker) -> Iterator[DatabaseBroker]:
    alias = f"file-{file.parent.name}"
    connections.settings[alias] = {**connections.settings["default"], "NAME": str(file)}
    with django_db_blocker.unblock():
        call_command("migrate", database=alias, verbosity=0)
        made = DatabaseBroker(f"database://{alias}", QueueRules())
        yield made
        asyncio.run(made.close())
        connections[alias].close()
    del connections.settings[alias]


def here(broker: DatabaseBroker) -> list[Acceptance]:
    return broker.run_sync(broker.enqueue([job()]))


def fill(broker: DatabaseBroker) -> None:
    for _ in range(1_000):
        here(broker)


def test_a_full_disk_refuses_a_job_and_takes_the_next_once_there_is_room(
    broker: DatabaseBroker, outside: Outside
) -> None:
    assert here(broker) == CREATED
    with connections[broker._alias].cursor() as cursor:
        cursor.execute("PRAGMA max_page_count = 1")  # no more than there are: as a disk without room behaves
    with pytest.raises(BrokerError, match="full"):
        fill(broker)
    stored = outside(broker.size())
    with connections[broker._alias].cursor() as cursor:
        cursor.execute("PRAGMA max_page_count = 1000000")

    assert here(broker) == CREATED
    assert outside(broker.size()) == stored + 1


def test_a_file_that_may_only_be_read_is_told(broker: DatabaseBroker, outside: Outside) -> None:
    assert here(broker) == CREATED
    with connections[broker._alias].cursor() as cursor:
        cursor.execute("PRAGMA query_only = ON")
    with pytest.raises(BrokerError, match="readonly"):
        here(broker)
    with connections[broker._alias].cursor() as cursor:
        cursor.execute("PRAGMA query_only = OFF")

    assert here(broker) == CREATED
    assert outside(broker.size()) == 2


def test_a_file_that_is_no_database_any_more_is_told_and_its_copy_goes_on(
    broker: DatabaseBroker, file: Path, outside: Outside
) -> None:
    assert here(broker) == CREATED
    outside(broker.close())
    connections[broker._alias].close()
    kept = shutil.copy(file, file.with_suffix(".kept"))
    file.write_bytes(b"rubbish" * 2_000)

    for call in (lambda: here(broker), lambda: outside(broker.size())):
        with pytest.raises(BrokerError, match="file is not a database"):
            call()
    outside(broker.close())
    connections[broker._alias].close()
    shutil.move(kept, file)

    assert here(broker) == CREATED
    assert outside(broker.size()) == 2


def test_a_file_that_was_deleted_is_told_with_the_remedy(broker: DatabaseBroker, file: Path, outside: Outside) -> None:
    assert here(broker) == CREATED
    outside(broker.close())
    connections[broker._alias].close()
    file.unlink()

    with pytest.raises(BrokerError, match=r"manage\.py migrate"):
        here(broker)
    connections[broker._alias].close()
    call_command("migrate", database=broker._alias, verbosity=0)

    assert here(broker) == CREATED


def test_a_directory_that_is_gone_is_told(broker: DatabaseBroker, file: Path, outside: Outside) -> None:
    outside(broker.close())
    connections[broker._alias].close()
    shutil.move(file.parent, file.parent.with_name("away"))

    with pytest.raises(BrokerError, match="unable to open database file"):
        outside(broker.size())
    shutil.move(file.parent.with_name("away"), file.parent)

    assert outside(broker.size()) == 0
