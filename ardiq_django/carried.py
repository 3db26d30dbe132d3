"""Ready-made context providers for Django, to be named in the option CONTEXT: language, time zone and request id."""

import re
import uuid
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from datetime import datetime, tzinfo
from typing import Any

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils import timezone, translation

from ardiq_django.provider import ContextProvider

HEADER = "X-Request-ID"
SOUND_ID = re.compile(r"[\w.:+/=@-]{1,128}", re.ASCII)
_request_id: ContextVar[str | None] = ContextVar("ardiq_request_id", default=None)


def current_request_id() -> str | None:
    """The id of the request that is served here, or that led to the job that runs here; else None."""
    return _request_id.get()


@contextmanager
def with_request_id(value: str) -> Iterator[None]:
    """Make this the request id inside the block."""
    token = _request_id.set(value)
    try:
        yield
    finally:
        _request_id.reset(token)


class RequestIdMiddleware:
    """Gives each request an id, of its header `X-Request-ID` if that is sound, else a new one, and tells it with the
    response. Works in sync and async projects; it should be the first of MIDDLEWARE."""

    sync_capable = True
    async_capable = True

    def __init__(self, get_response: Callable[[HttpRequest], Any]) -> None:
        self._get_response = get_response
        self._is_async = bool(iscoroutinefunction(get_response))
        if self._is_async:
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> HttpResponseBase | Awaitable[HttpResponseBase]:
        if self._is_async:
            return self._answer(request)
        with with_request_id(_id_of(request)):
            return _told(self._get_response(request))

    async def _answer(self, request: HttpRequest) -> HttpResponseBase:
        with with_request_id(_id_of(request)):
            return _told(await self._get_response(request))


def _id_of(request: HttpRequest) -> str:
    given = request.headers.get(HEADER, "")
    return given if SOUND_ID.fullmatch(given) else uuid.uuid4().hex


def _told(response: HttpResponseBase) -> HttpResponseBase:
    response.headers[HEADER] = current_request_id() or ""
    return response


def _zone() -> str | int | None:
    zone = timezone.get_current_timezone()
    name = getattr(zone, "key", None)
    return name if name else _offset_minutes(zone)


def _offset_minutes(zone: tzinfo) -> int | None:
    offset = zone.utcoffset(datetime.now())
    return None if offset is None else round(offset.total_seconds() / 60)


def _in_zone(value: str | int) -> AbstractContextManager[object]:
    return timezone.override(value if isinstance(value, str) else timezone.get_fixed_timezone(value))


language = ContextProvider("language", translation.get_language, translation.override)
time_zone = ContextProvider("time_zone", _zone, _in_zone)
request_id = ContextProvider("request_id", current_request_id, with_request_id)
