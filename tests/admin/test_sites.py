"""Sites beside Django's own: other names, templates, some sections only, and admins of the project's own."""

import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any
from unittest import mock

import pytest
from django.conf import settings
from django.contrib import admin
from django.contrib.admin.utils import quote
from django.test import Client, override_settings
from django.urls import clear_url_caches, path

from ardiq_django.admin import (
    Job,
    JobAdmin,
    JobAdminMixin,
    Queue,
    QueueAdmin,
    Schedule,
    ScheduleAdmin,
    Task,
    TaskAdmin,
    Worker,
    WorkerAdmin,
    register,
)
from tests.admin.pages import get
from tests.admin.shop import INVOICE, Shop

PAGES = ("", "job/", "task/", "queue/", "worker/", "schedule/")


class Theme(admin.ModelAdmin):  # type: ignore[type-arg]
    """The `ModelAdmin` of a theme."""

    list_per_page = 7


class TemplatedSite(admin.AdminSite):
    """A site with a page of its own around ours."""

    site_header = "Operations room"


@contextmanager
def mounted(*sites: tuple[str, admin.AdminSite]) -> Iterator[None]:
    """The addresses of these sites, the default one among them only if it is named."""
    urls = ModuleType("urls_of_sites")
    urls.urlpatterns = [path(at, site.urls) for at, site in sites]  # type: ignore[attr-defined]
    with override_settings(ROOT_URLCONF=urls):
        clear_url_caches()
        yield
    clear_url_caches()


def ops(*sections: tuple[Any, Any]) -> admin.AdminSite:
    """A second site, with all of our sections or with these."""
    site = TemplatedSite(name="ops")
    for model, section in sections:
        site.register(model, section)
    if not sections:
        register(site)
    return site


def test_everything_of_a_second_site_leads_to_that_site(memory_shop: Shop, admin_client: Client) -> None:
    failed = quote(f"{memory_shop.queue}:{memory_shop.failed()}")
    scheduled = quote(f"{memory_shop.queue}:{memory_shop.scheduled()}")
    memory_shop.running()
    task = quote(f"{memory_shop.queue}:{INVOICE}")
    theirs = [*PAGES, f"job/{failed}/change/", f"job/{scheduled}/reschedule/", f"task/{task}/enqueue/", "schedule/add/"]

    with mounted(("admin/", admin.site), ("back/office/", ops())):
        pages = [get(admin_client, f"/back/office/ardiq/{page}") for page in theirs]

    for page, name in zip(pages, theirs, strict=True):
        assert "Operations room" in page, name
        assert "/back/office/ardiq/" in page, name
        assert '"/admin/' not in page, name


def test_the_question_of_a_second_site_is_one_of_that_site(memory_shop: Shop, admin_client: Client) -> None:
    key = quote(f"{memory_shop.queue}:{memory_shop.failed()}")
    ticked = {"action": "retry", "_selected_action": "all", "select_across": "1", "index": "0", "as_of": "0"}

    with mounted(("admin/", admin.site), ("ops/", ops())):
        asked = admin_client.post(f"/ops/ardiq/job/{key}/remove/")
        bulk = admin_client.post(f"/ops/ardiq/job/?queue={memory_shop.queue}&state=failed", ticked)
        done = admin_client.post(f"/ops/ardiq/job/{key}/retry/")

    assert "Are you sure?" in asked.content.decode()
    for response in (asked, bulk):
        assert response.status_code == 200
        assert '"/admin/' not in response.content.decode()
    assert done["Location"].startswith("/ops/ardiq/job/")


@pytest.mark.parametrize(
    ("section", "page"),
    [
        ((Job, JobAdmin), "job/"),
        ((Queue, QueueAdmin), "queue/"),
        ((Task, TaskAdmin), "task/"),
        ((Worker, WorkerAdmin), "worker/"),
        ((Schedule, ScheduleAdmin), "schedule/"),
    ],
)
def test_a_section_stands_alone_without_links_to_the_others(
    memory_shop: Shop, admin_client: Client, section: tuple[Any, Any], page: str
) -> None:
    memory_shop.failed()
    memory_shop.running()

    with mounted(("admin/", admin.site), ("ops/", ops(section))):
        overview = get(admin_client, "/ops/ardiq/")
        answers = {other: admin_client.get(f"/ops/ardiq/{other}").status_code for other in PAGES[1:]}
        shown = get(admin_client, f"/ops/ardiq/{page}")

    assert answers == {other: 200 if other == page else 404 for other in PAGES[1:]}
    for html in (overview, shown):
        assert '"/admin/' not in html
        assert 'href=""' not in html
    assert 'href="?state=' not in overview
    assert 'action=""' not in overview


def test_a_task_enqueued_where_no_jobs_are_shown_leads_back_to_the_tasks(
    memory_shop: Shop, admin_client: Client
) -> None:
    key = quote(f"{memory_shop.queue}:{INVOICE}")

    with mounted(("ops/", ops((Task, TaskAdmin)))):
        response = admin_client.post(f"/ops/ardiq/task/{key}/enqueue/", {"order": "4711"})

    assert response["Location"] == "/ops/ardiq/task/"


def test_a_site_under_the_name_of_the_default_one_can_take_its_place(memory_shop: Shop, admin_client: Client) -> None:
    site = TemplatedSite()
    register(site)

    with mounted(("manage/", site)):
        pages = [get(admin_client, f"/manage/ardiq/{page}") for page in PAGES]

    assert all("Operations room" in page and '"/admin/' not in page for page in pages)


def test_a_site_can_have_its_own_overview_around_ours(memory_shop: Shop, admin_client: Client) -> None:
    source = (
        '{% extends "admin/ardiq/app_index.html" %}'
        "{% block content %}<p>On call: Anna</p>{{ block.super }}{% endblock %}"
    )
    loaders = [
        ("django.template.loaders.locmem.Loader", {"ops/overview.html": source}),
        "django.template.loaders.app_directories.Loader",
    ]
    engine: dict[str, Any] = settings.TEMPLATES[0]
    own = {**engine, "APP_DIRS": False, "OPTIONS": {**engine["OPTIONS"], "loaders": loaders}}
    site = ops()
    site.app_index_template = "ops/overview.html"

    with override_settings(TEMPLATES=[own]), mounted(("ops/", site)):
        page = get(admin_client, "/ops/ardiq/")

    assert "On call: Anna" in page
    assert "Recent failures" in page


def test_a_theme_gives_its_model_admin_to_every_section(memory_shop: Shop, admin_client: Client) -> None:
    site = ops()

    register(site, Theme)

    found = list(site._registry.values())
    assert len(found) == len(PAGES) - 1
    assert all(isinstance(section, Theme) for section in found)
    assert site._registry[Queue].list_per_page == 7
    with mounted(("ops/", site)):
        assert all("Operations room" in get(admin_client, f"/ops/ardiq/{page}") for page in PAGES)


def test_a_project_replaces_a_section_by_one_of_its_own(memory_shop: Shop, admin_client: Client) -> None:
    class OwnJobAdmin(JobAdminMixin, admin.ModelAdmin):  # type: ignore[type-arg]
        list_per_page = 3

        def get_list_display(self, request: Any) -> Any:
            return [*super().get_list_display(request), self.invoice_of]

        @admin.display(description="invoice")
        def invoice_of(self, job: Job) -> str:
            return f"INV-{job.job_id[-4:]}"

    site = ops()
    site.unregister(Job)
    site.register(Job, OwnJobAdmin)
    ids = [memory_shop.failed() for _ in range(4)]

    with mounted(("ops/", site)):
        page = get(admin_client, f"/ops/ardiq/job/?queue={memory_shop.queue}&state=failed")
        job = get(admin_client, f"/ops/ardiq/job/{quote(f'{memory_shop.queue}:{ids[0]}')}/change/")

    assert page.count("INV-") == 3
    assert "Retry" in job


def test_who_may_use_a_site_is_for_that_site_to_say(memory_shop: Shop, admin_client: Client) -> None:
    class Closed(admin.AdminSite):
        def has_permission(self, request: Any) -> bool:
            return False

    site = Closed(name="closed")
    register(site)
    key = quote(f"{memory_shop.queue}:{memory_shop.failed()}")

    with mounted(("closed/", site)):
        looked = [admin_client.get(f"/closed/ardiq/{page}").status_code for page in PAGES]
        acted = admin_client.post(f"/closed/ardiq/job/{key}/retry/").status_code

    assert {*looked, acted} == {302}


@mock.patch.dict(admin.site._registry)
def test_what_the_guide_says_about_sites_and_themes_runs(
    memory_shop: Shop, admin_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    guide = (Path(__file__).parents[2] / "docs" / "admin.md").read_text().partition("## Sites and themes")[2]
    own, theme = re.findall(r"```python\n(.*?)```", guide.partition("\n## ")[0], re.DOTALL)
    unfold = ModuleType("unfold.admin")
    monkeypatch.setitem(sys.modules, "unfold", ModuleType("unfold"))
    monkeypatch.setitem(sys.modules, "unfold.admin", unfold)
    monkeypatch.setattr(unfold, "ModelAdmin", Theme, raising=False)
    said: dict[str, Any] = {"__name__": "guide"}

    exec(own, said)  # noqa: S102 (our own page)

    assert type(admin.site._registry[Job]) is said["OurJobAdmin"]
    with mounted(("operations/", said["operations"]), ("on_call/", said["on_call"])):
        for page in PAGES:
            get(admin_client, f"/operations/ardiq/{page}")
        for page in PAGES[:2]:
            get(admin_client, f"/on_call/ardiq/{page}")

    exec(theme, said)  # noqa: S102 (our own page)

    assert isinstance(admin.site._registry[Job], Theme)
    assert isinstance(admin.site._registry[Worker], Theme)
