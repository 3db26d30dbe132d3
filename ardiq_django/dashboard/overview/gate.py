"""Who may read the figures: whoever shows the token of the settings, or has the right."""

from collections.abc import Callable
from http import HTTPStatus

from django.http import HttpRequest
from django.utils.crypto import constant_time_compare

from ardiq_django import conf

RIGHT = "ardiq.view_queue"
SCHEME = "bearer"


def judged(request: HttpRequest, is_let_in: Callable[[HttpRequest], bool]) -> HTTPStatus:
    """OK, or as what the request is refused. Who shows a token is judged by it alone, and no session is opened."""
    shown = _token(request)
    if shown is not None:
        return HTTPStatus.OK if _is_right(shown) else HTTPStatus.UNAUTHORIZED
    user = getattr(request, "user", None)  # a project may do without sessions
    if user is None or not user.is_authenticated:
        return HTTPStatus.UNAUTHORIZED
    return HTTPStatus.OK if is_let_in(request) and user.has_perm(RIGHT) else HTTPStatus.FORBIDDEN


def _token(request: HttpRequest) -> str | None:
    # other schemes may be those of a server in front of this one
    scheme, _, shown = request.META.get("HTTP_AUTHORIZATION", "").partition(" ")
    return shown.strip() if scheme.lower() == SCHEME else None


def _is_right(shown: str) -> bool:
    token = conf.status_token()
    return bool(token) and constant_time_compare(shown, token)
