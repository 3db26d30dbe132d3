"""The index is the front page; the admin shows its jobs."""

from django.contrib import admin
from django.urls import include, path

urlpatterns = [
    path("", include("symbols.urls")),
    path("admin/", admin.site.urls),
]
