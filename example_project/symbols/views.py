"""The page of the index: search, the last summary, and how far the latest run has come."""

from django.conf import settings
from django.contrib.admin.utils import quote
from django.core.paginator import Page, Paginator
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_POST

from ardiq_django import app
from symbols.models import Module, Run, Summary, Symbol
from symbols.reading import Kind
from symbols.tasks import job_id, start_index

PAGE_SIZE = 50
FAILURES_SHOWN = 12


@require_GET
def index(request: HttpRequest) -> HttpResponse:
    """Symbols that match `q`, `kind` and `package`, a page at a time."""
    query = {name: request.GET.get(name, "") for name in ("q", "kind", "package")}
    page = _page_of_symbols(query, request.GET.get("page"))
    summary = Summary.objects.first()
    context = {
        "query": query,
        "page": page,
        "page_numbers": page.paginator.get_elided_page_range(page.number, on_each_side=2, on_ends=1),
        "summary": summary,
        "kinds": _kinds(summary),
        "failed": [(module, _job_page(module)) for module in Module.objects.failed()[:FAILURES_SHOWN]],
        "run": Run.objects.latest_run(),
        "own_library": settings.LIBRARY if settings.LIBRARY != settings.STANDARD_LIBRARY else None,
    }
    return render(request, "symbols/index.html", context)


@require_GET
def progress(request: HttpRequest) -> HttpResponse:
    """The latest run alone, which the page asks for again and again while it is going on."""
    return render(request, "symbols/_run.html", {"run": Run.objects.latest_run()})


@require_POST
def index_again(request: HttpRequest) -> HttpResponseRedirect:
    """Begin a new run, and come back to see it."""
    start_index()
    return redirect("symbols:index")


def _page_of_symbols(query: dict[str, str], number: str | None) -> "Page[Symbol]":
    found = Symbol.objects.search(query["q"], kind=query["kind"], package=query["package"])
    return Paginator(found.select_related("module"), PAGE_SIZE).get_page(number)


def _job_page(module: Module) -> str:
    """Where the admin shows the job that read this module."""
    key = f"{app.queue_name}:{job_id(module.run_id, module.path)}"
    return reverse("admin:ardiq_job_change", args=[quote(key)])


def _kinds(summary: Summary | None) -> list[tuple[str, str, int | None]]:
    """Each kind, its plural, and how many there are."""
    counts = summary.kinds if summary else {}
    return [(str(kind), kind.plural, counts.get(kind)) for kind in Kind]
