"""Pages for programs: who is not let in is refused and not led to a login, and no cache keeps what is told."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils import translation
from django.utils.cache import patch_vary_headers

from ardiq_django.dashboard.desk import Desk, desk_of
from ardiq_django.dashboard.overview.gate import judged

LetsIn = Callable[[HttpRequest], bool]
READS = ("GET", "HEAD")
SAID = {
    HTTPStatus.UNAUTHORIZED: "log in, or send the header Authorization: Bearer <ARDIQ_STATUS_TOKEN>",
    HTTPStatus.FORBIDDEN: "this user may not see the queues",
    HTTPStatus.METHOD_NOT_ALLOWED: "only GET",
}


@dataclass(frozen=True, slots=True)
class Format:
    """How figures are written, and how a refusal is."""

    tell: Callable[[Desk], HttpResponse]
    refuse: Callable[[str], HttpResponse]


def program_view(form: Format, is_let_in: LetsIn) -> Callable[..., HttpResponseBase]:
    """The view. Beside the right, a user must be let in; a token is enough."""
    # a token has no user, so no middleware may lead it to a login
    return login_not_required(partial(_answer, form, is_let_in))


def _answer(form: Format, is_let_in: LetsIn, request: HttpRequest) -> HttpResponse:
    code = judged(request, is_let_in)
    if code == HTTPStatus.OK and request.method not in READS:
        code = HTTPStatus.METHOD_NOT_ALLOWED
    if code == HTTPStatus.OK:
        with translation.override(None):  # for programs: in English, whoever asks
            return _of_this_moment(form.tell(desk_of(request)))
    response = form.refuse(SAID[code])
    response.status_code = code
    if code == HTTPStatus.UNAUTHORIZED:
        response["WWW-Authenticate"] = 'Bearer realm="ardiq"'
    elif code == HTTPStatus.METHOD_NOT_ALLOWED:
        response["Allow"] = ", ".join(READS)
    return _of_this_moment(response)


def _of_this_moment(response: HttpResponse) -> HttpResponse:
    response["Cache-Control"] = "no-store"  # so there is no ETag either
    response["X-Content-Type-Options"] = "nosniff"
    patch_vary_headers(response, ("Authorization", "Cookie"))
    return response
