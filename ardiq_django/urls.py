"""What a project may include beside the admin, or without it: `path("queues/", include("ardiq_django.urls"))`."""

from django.urls import path

from ardiq_django.dashboard.overview.metrics import metrics_view
from ardiq_django.dashboard.overview.status import status_view

app_name = "ardiq"
urlpatterns = [
    path("status.json", status_view(lambda request: True), name="status"),
    path("metrics", metrics_view(lambda request: True), name="metrics"),
]
