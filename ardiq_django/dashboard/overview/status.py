"""The figures of the overview as JSON, at an address of its own: in the admin, and wherever a project includes it."""

from collections.abc import Callable
from http import HTTPStatus

from django.http import JsonResponse
from django.http.response import HttpResponseBase

from ardiq_django.dashboard.desk import Desk
from ardiq_django.dashboard.overview.document import document
from ardiq_django.dashboard.overview.program import Format, LetsIn, program_view


def _told(desk: Desk) -> JsonResponse:
    """200 if all could be read; 503 with what could be, if not. What the alarms say makes no difference."""
    told = document(desk)
    return JsonResponse(told, status=HTTPStatus.OK if told["complete"] else HTTPStatus.SERVICE_UNAVAILABLE)


def _refused(text: str) -> JsonResponse:
    return JsonResponse({"error": text})


def status_view(is_let_in: LetsIn) -> Callable[..., HttpResponseBase]:
    """The view. Beside the right, a user must be let in; a token is enough."""
    return program_view(Format(_told, _refused), is_let_in)
