"""The hostile shop, on each broker, and an operator with a hostile name."""

import pytest
from django.contrib.auth.models import User
from django.test import Client

from tests.admin.escape.shop import HostileShop
from tests.admin.escape.texts import TEXTS
from tests.admin.shop import Shop


def filled(shop: Shop) -> HostileShop:
    hostile = HostileShop(shop)
    for text in TEXTS.values():
        hostile.fill(text)
    hostile.report()
    return hostile


@pytest.fixture
def hostile(shop: Shop) -> HostileShop:
    """A shop with every text in every field, on each broker."""
    return filled(shop)


@pytest.fixture
def memory_hostile(memory_shop: Shop) -> HostileShop:
    """Where the broker makes no difference."""
    return filled(memory_shop)


@pytest.fixture
def operator(db: None) -> Client:
    """Who may do everything, with names that somebody else chose."""
    client = Client()
    client.force_login(User.objects.create_superuser(TEXTS["markup"][:140], first_name=TEXTS["attribute"][:140]))
    return client
