"""The tasks have no table: what stands here is the right to see them."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class Task(models.Model):  # noqa: DJ008 (there are none)
    """A declared function, as rights know it."""

    class Meta:
        managed = False
        verbose_name = _("task")
        verbose_name_plural = _("tasks")
        default_permissions = ("view",)
