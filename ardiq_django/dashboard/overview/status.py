"""The figures of the overview as JSON, at an address of its own: in the admin, and wherever a project includes it."""

from collections.abc import Callable
from functools import partial
from http import HTTPStatus
from typing import Any

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, JsonResponse
from django.http.response import HttpResponseBase
from django.utils import translation
from django.utils.cache import patch_vary_headers

from ardiq_django.dashboard.desk import desk_of
from ardiq_django.dashboard.overview.document import document
from ardiq_django.dashboard.overview.gate import judged

SAID = {
    HTTPStatus.UNAUTHORIZED: "log in, or send the header Authorization: Bearer <ARDIQ_STATUS_TOKEN>",
    HTTPStatus.FORBIDDEN: "this user may not see the queues",
    HTTPStatus.METHOD_NOT_ALLOWED: "only GET",
}


def status_view(is_let_in: Callable[[HttpRequest], bool]) -> Callable[..., HttpResponseBase]:
    """The view. Beside the right, a user must be let in; a token is enough."""
    # a token has no user, so no middleware may lead it to a login
    return login_not_required(partial(_answer, is_let_in))


def _answer(is_let_in: Callable[[HttpRequest], bool], request: HttpRequest) -> JsonResponse:
    code = judged(request, is_let_in)
    if code == HTTPStatus.OK and request.method not in ("GET", "HEAD"):
        code = HTTPStatus.METHOD_NOT_ALLOWED
    response = _told(request) if code == HTTPStatus.OK else _json({"error": SAID[code]}, code)
    if code == HTTPStatus.UNAUTHORIZED:
        response["WWW-Authenticate"] = 'Bearer realm="ardiq"'
    elif code == HTTPStatus.METHOD_NOT_ALLOWED:
        response["Allow"] = "GET, HEAD"
    return response


def _told(request: HttpRequest) -> JsonResponse:
    """200 if all could be read; 503 with what could be, if not. What the alarms say makes no difference."""
    with translation.override(None):  # for programs: in English, whoever asks
        told = document(desk_of(request))
    return _json(told, HTTPStatus.OK if told["complete"] else HTTPStatus.SERVICE_UNAVAILABLE)


def _json(told: dict[str, Any], code: HTTPStatus) -> JsonResponse:
    response = JsonResponse(told, status=code)
    response["Cache-Control"] = "no-store"  # each answer is of its moment; so there is no ETag either
    response["X-Content-Type-Options"] = "nosniff"
    patch_vary_headers(response, ("Authorization", "Cookie"))
    return response
