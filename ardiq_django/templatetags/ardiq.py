"""What the dashboard's templates ask for."""

from typing import Any

from django import template
from django.contrib.admin.models import LogEntry
from django.contrib.admin.utils import quote
from django.http import HttpRequest
from django.template import Context
from django.urls import NoReverseMatch, reverse

from ardiq_django.dashboard.act_words import told
from ardiq_django.dashboard.overview.page import Overview
from ardiq_django.dashboard.shortcuts import beside, places
from ardiq_django.dashboard.totals import Totals, totals_of

register = template.Library()


@register.simple_tag(takes_context=True)
def ardiq_overview(context: dict[str, Any]) -> Overview:
    """How all queues stand, for the reader of this page."""
    request: HttpRequest = context["request"]
    return Overview(request)


@register.simple_tag(takes_context=True)
def ardiq_address(context: dict[str, Any], model: str, page: str = "changelist", key: str = "") -> str:
    """The address of a page of ours on the site that is being looked at; "" where that site does not have it."""
    site = getattr(context.get("request"), "current_app", "") or "admin"
    try:
        return reverse(f"admin:ardiq_{model}_{page}", args=[quote(key)] if key else [], current_app=site)
    except NoReverseMatch:
        return ""


@register.simple_tag(takes_context=True)
def ardiq_totals(context: Context) -> Totals | None:
    """How many jobs are in each state, in the queue that this page is about or in all."""
    return totals_of(context["request"], getattr(context.get("opts"), "model_name", ""))


@register.inclusion_tag("ardiq/keys.html", takes_context=True)
def ardiq_keys(context: Context) -> dict[str, Any]:
    """The shortcuts of this page, and the button that lists them."""
    ways = context.get("ways") or beside(context.get("cl"))
    return {"places": list(places(context.get("available_apps"))), "ways": ways}


@register.filter
def ardiq_told(entry: LogEntry) -> str:
    """What an entry of the admin's log says, in the reader's words."""
    return told(entry)
