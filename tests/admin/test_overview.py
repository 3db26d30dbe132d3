"""The overview: what it says when all is well, and when something is wrong."""

import pytest
from django.test import Client
from django.urls import reverse

from ardiq_django.dashboard.overview.span import Span
from ardiq_django.statistics import Figures, Point
from tests.admin.conftest import client_of, opened
from tests.admin.pages import get
from tests.admin.shop import Shop

OVERVIEW = "/admin/ardiq/"
MINUTE = 60_000


def test_jobs_without_a_worker_are_an_alarm_that_says_what_to_type(shop: Shop, admin_client: Client) -> None:
    shop.put(1)

    page = get(admin_client, OVERVIEW)

    assert "1 job waits, and no worker serves this queue" in page
    assert f"manage.py runworker {shop.queue}" in page


def test_there_is_no_alarm_while_all_is_well(db: None, admin_client: Client) -> None:
    with opened("database://") as shop:
        shop.succeeded()

        assert "ardiq-alarm" not in get(admin_client, OVERVIEW)


def test_a_paused_queue_with_jobs_is_named(shop: Shop, admin_client: Client) -> None:
    shop.put(1)
    shop.run(shop.broker.pause())

    assert "Paused, with 1 job waiting." in get(admin_client, OVERVIEW)


def test_failures_are_listed_by_the_type_of_their_error_and_lead_to_the_job(shop: Shop, admin_client: Client) -> None:
    job_id = shop.failed()

    page = get(admin_client, OVERVIEW)

    assert job_id in page
    assert "ValueError" in page
    assert "gateway says 502" not in page


@pytest.mark.parametrize("span", [*Span, "", "nonsense", "<script>"])
def test_any_span_can_be_asked_for(memory_shop: Shop, admin_client: Client, span: str) -> None:
    memory_shop.succeeded()

    assert 'aria-current="true"' in get(admin_client, f"{OVERVIEW}?span={span}")


def test_staff_without_any_right_does_not_see_the_page(memory_shop: Shop, staff: Client) -> None:
    assert staff.get(OVERVIEW).status_code == 404


def test_who_may_see_jobs_alone_sees_no_queue(memory_shop: Shop, viewer: Client) -> None:
    memory_shop.put(1)

    page = get(viewer, OVERVIEW)

    assert memory_shop.queue not in page
    assert reverse("admin:ardiq_job_changelist") in page


def test_who_may_see_queues_sees_no_job_and_no_button(memory_shop: Shop, db: None) -> None:
    job_id = memory_shop.failed()

    page = get(client_of("looker", "view_queue"), OVERVIEW)

    assert memory_shop.queue in page
    assert job_id not in page
    assert 'method="post"' not in page.split('id="content-main"')[1]


def test_each_step_of_a_span_sums_up_its_buckets() -> None:
    now = 1_000 * 3_600_000
    points = [Point(now - step * MINUTE, Figures({0: 1})) for step in range(10)]

    found = [figures.begun for figures in Span.SHIFT.figures(points, now)]

    assert len(found) == len(Span.SHIFT.moments(now)) == 96
    assert found[-3:] == [4, 5, 1]
