"""What workers of an older version read while this one is rolled out."""

import pytest
from django.db import connections

from ardiq_django.models import Queue


@pytest.mark.parametrize("alias", ["default", "postgres"])
@pytest.mark.django_db(databases=["default", "postgres"])
def test_the_columns_of_the_one_worker_for_suspects_are_still_there_and_say_nobody(alias: str) -> None:
    Queue.objects.using(alias).create(name="mail")

    with connections[alias].cursor() as cursor:
        cursor.execute("SELECT clearing, draining FROM ardiq_queue WHERE name = 'mail'")
        row = cursor.fetchone()

    assert row == ("", False)
