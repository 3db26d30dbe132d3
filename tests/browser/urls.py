"""The admin of the shop, and its till: where a test enqueues jobs as the shop itself would."""

import json

from django.contrib import admin
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import path
from django.views.decorators.csrf import csrf_exempt

from ardiq_django.declared import get_app


@csrf_exempt
def till(request: HttpRequest) -> JsonResponse:
    """Enqueue one call so many times; answers with the ids."""
    said = json.loads(request.body)
    app = get_app(said["queue"])
    task = app.ref(said["task"]).options(**said["options"])
    jobs = app.enqueue_many_sync([task.prepare(*said["args"]) for _ in range(said["times"])])
    return JsonResponse({"ids": [job.id for job in jobs]})


def icon(request: HttpRequest) -> HttpResponse:
    """Browsers ask for one; a site without it would stand in their log as a fault."""
    return HttpResponse(status=204)


urlpatterns = [path("admin/", admin.site.urls), path("till/", till), path("favicon.ico", icon)]
