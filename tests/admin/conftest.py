"""The shop: a queue that the settings declare, kept by each broker in turn; and those who look at it."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client, override_settings

from ardiq_django.declared import declared_apps, get_app
from tests.admin.shop import INVOICE, Shop, invoice

BROKERS = ("memory", "redis", "sqlite")
ADDRESSES = {"memory": "memory://", "sqlite": "database://default"}


@contextmanager
def declared(*addresses: str) -> Iterator[list[str]]:
    """Queues of this test's own, in this order."""
    names = [f"t-{secrets.token_hex(6)}" for _ in addresses]
    lanes = ["low", "default", "high"]
    with override_settings(
        ARDIQ={name: {"BROKER": at, "PRIORITIES": lanes} for name, at in zip(names, addresses, strict=True)}
    ):
        yield names
        for app in declared_apps():
            app.broker.run_sync(app.broker.close())


@contextmanager
def opened(address: str) -> Iterator[Shop]:
    """The first of two queues; the second one of the same broker is empty."""
    with declared(address, address) as (queue, other):
        app = get_app(queue)
        app.task(name=INVOICE, sensitive=["card", "pin"], max_retries=4)(invoice)
        yield Shop(app, other)


@pytest.fixture(params=BROKERS)
def broker(request: pytest.FixtureRequest) -> str:
    """Which broker keeps the shop."""
    return str(request.param)


@pytest.fixture
def address(request: pytest.FixtureRequest, broker: str) -> str:
    return ADDRESSES.get(broker) or str(request.getfixturevalue("redis_url"))


@pytest.fixture
def shop(address: str, db: None) -> Iterator[Shop]:
    """The shop on each broker."""
    with opened(address) as shop:
        yield shop


@pytest.fixture
def memory_shop(db: None) -> Iterator[Shop]:
    """Where the broker makes no difference."""
    with opened("memory://") as shop:
        yield shop


@pytest.fixture
def staff(db: None) -> Client:
    """A member of staff without any right."""
    return client_of("staff")


@pytest.fixture
def viewer(db: None) -> Client:
    """Who may see jobs, but not what they carry."""
    return client_of("viewer", "view_job")


@pytest.fixture
def reader(db: None) -> Client:
    """Who may see everything of a job."""
    return client_of("reader", "view_job", "view_job_payload")


def client_of(name: str, *rights: str) -> Client:
    user = User.objects.create_user(name, is_staff=True)
    user.user_permissions.set(Permission.objects.filter(content_type__app_label="ardiq", codename__in=rights))
    client = Client()
    client.force_login(user)
    return client
