"""Every address of the dashboard, as each kind of user: nothing is reached without its right."""

from collections.abc import Iterator

import pytest
from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.contrib.admin.utils import quote
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from ardiq_django.dashboard.deed import Deed
from ardiq_django.dashboard.section import SectionMixin
from ardiq_django.results import State
from tests.admin.conftest import client_of
from tests.admin.shop import INVOICE, Shop

ROOT = "admin/ardiq/"
FOR_PROGRAMS = ("status.json", "/metrics")  # refuses instead of leading to a login
SECTIONS = [section for section in admin.site._registry.values() if isinstance(section, SectionMixin)]
DEEDS = [(section.opts.model_name, deed) for section in SECTIONS for deed in section.deeds]


def patterns(resolver: URLResolver, prefix: str = "") -> Iterator[str]:
    """The addresses below the dashboard, with their places for keys."""
    for one in resolver.url_patterns:
        route = prefix + str(one.pattern)
        if isinstance(one, URLResolver):
            yield from patterns(one, route)
        elif isinstance(one, URLPattern) and route.startswith(ROOT):
            yield route


def keys(shop: Shop) -> dict[str, str]:
    """An object of each section."""
    return {
        "job": f"{shop.queue}:{shop.failed()}",
        "queue": shop.queue,
        "task": f"{shop.queue}:{INVOICE}",
        "worker": shop.worker.epoch,
        "schedule": f"{shop.queue}:@nightly",
    }


def addresses(shop: Shop) -> list[str]:
    """Each pattern with the key of an object that is there."""
    known, found = keys(shop), []
    for route in patterns(get_resolver()):
        model = route.removeprefix(ROOT).partition("/")[0]
        place = route[route.find("<") : route.find(">") + 1]
        found.append("/" + (route.replace(place, quote(known.get(model, "x"))) if place else route))
    assert len(found) > 3 * len(SECTIONS)
    return found


def every_right() -> set[str]:
    return set(Permission.objects.filter(content_type__app_label="ardiq").values_list("codename", flat=True))


def test_a_stranger_comes_to_the_login_and_no_further(memory_shop: Shop, client: Client) -> None:
    for address in addresses(memory_shop):
        for response in (client.get(address), client.post(address, {"confirmed": "yes"})):
            if address.endswith(FOR_PROGRAMS):
                assert response.status_code == 401
                continue
            assert response.status_code == 302, address
            assert response["Location"].startswith("/admin/login/"), address


def test_staff_without_a_right_is_refused_everywhere(memory_shop: Shop, staff: Client) -> None:
    before = memory_shop.run(memory_shop.broker.counts())

    for address in addresses(memory_shop):
        for response in (staff.get(address), staff.post(address, {"confirmed": "yes"})):
            assert response.status_code in (302, 403, 404, 405), address
            # Django leads on from its addresses of old, and back from what it does not find
            assert response.status_code != 302 or response["Location"].endswith(("/change/", "/admin/")), address
    assert before[State.FAILED] == 0
    assert memory_shop.run(memory_shop.broker.counts())[State.FAILED] == 1
    assert not LogEntry.objects.exists()


def test_whoever_may_do_everything_meets_no_error_and_changes_nothing_by_looking(
    memory_shop: Shop, admin_client: Client
) -> None:
    found = addresses(memory_shop)
    before = memory_shop.run(memory_shop.broker.counts())

    answers = {address: admin_client.get(address).status_code for address in found}

    assert {address: code for address, code in answers.items() if code >= 500} == {}
    assert memory_shop.run(memory_shop.broker.counts()) == before
    assert not memory_shop.run(memory_shop.broker.paused())


@pytest.mark.parametrize(("model", "deed"), DEEDS, ids=[f"{model}-{deed.name}" for model, deed in DEEDS])
def test_all_other_rights_together_are_not_enough(memory_shop: Shop, model: str, deed: Deed) -> None:
    others = client_of("others", *(every_right() - {deed.right}))
    key = keys(memory_shop)[model]

    response = others.post(f"/{ROOT}{model}/{quote(key)}/{deed.name}/", {"confirmed": "yes"})

    assert response.status_code == 403
    assert not LogEntry.objects.exists()


@pytest.mark.parametrize(("model", "deed"), DEEDS, ids=[f"{model}-{deed.name}" for model, deed in DEEDS])
def test_nothing_is_done_by_get(memory_shop: Shop, admin_client: Client, model: str, deed: Deed) -> None:
    key = keys(memory_shop)[model]

    response = admin_client.get(f"/{ROOT}{model}/{quote(key)}/{deed.name}/")

    assert response.status_code == 405


@pytest.mark.parametrize("section", SECTIONS, ids=lambda section: str(section.opts.model_name))
def test_forms_are_guarded_against_forgery(memory_shop: Shop, section: SectionMixin, db: None) -> None:
    guarded = Client(enforce_csrf_checks=True)
    guarded.cookies = client_of("all", *every_right()).cookies
    key = keys(memory_shop)[str(section.opts.model_name)]

    for deed in section.deeds:
        address = f"/{ROOT}{section.opts.model_name}/{quote(key)}/{deed.name}/"
        assert guarded.post(address, {"confirmed": "yes"}).status_code == 403, address
