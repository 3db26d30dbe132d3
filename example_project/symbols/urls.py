"""One page, the part of it that moves, and one button."""

from django.urls import path

from symbols import views

app_name = "symbols"
urlpatterns = [
    path("", views.index, name="index"),
    path("progress/", views.progress, name="progress"),
    path("index-again/", views.index_again, name="index_again"),
]
