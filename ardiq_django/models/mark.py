"""The table of marks: what happened to the project, such as a deployment, for the charts of the admin."""

from django.db import models, router, transaction
from django.utils.translation import gettext_lazy as _

LABEL_LENGTH = 64
KEPT_MARKS = 500
KEPT_MS = 90 * 24 * 3_600_000  # as long as the longest chart


class MarkQuerySet(models.QuerySet["Mark"]):
    """The verbs of the table of marks."""

    def put(self, label: str, at_ms: int) -> "Mark":
        """Keep a mark, and of all marks the newest 500 of the 90 days before it."""
        alias = router.db_for_write(self.model)
        marks = self.using(alias)
        with transaction.atomic(using=alias):
            mark = marks.create(label=label, at_ms=at_ms)
            marks.filter(at_ms__lt=at_ms - KEPT_MS).delete()
            surplus = list(marks.newest_first().values_list("pk", flat=True)[KEPT_MARKS : 2 * KEPT_MARKS])
            if surplus:
                marks.filter(pk__in=surplus).delete()
        return mark

    def newest_first(self) -> "MarkQuerySet":
        """All of them."""
        return self.order_by("-at_ms", "-pk")

    def within(self, since_ms: int, until_ms: int) -> "MarkQuerySet":
        """Those of a span of time, newest first."""
        return self.newest_first().filter(at_ms__gte=since_ms, at_ms__lte=until_ms)


class Mark(models.Model):
    """One moment, and what it is called."""

    label = models.CharField(_("label"), max_length=LABEL_LENGTH)
    at_ms = models.BigIntegerField(_("when"))

    objects = MarkQuerySet.as_manager()

    class Meta:
        db_table = "ardiq_mark"
        verbose_name = _("mark")
        verbose_name_plural = _("marks")
        default_permissions = ()
        indexes = (models.Index(fields=("at_ms",), name="ardiq_mark_when"),)

    def __str__(self) -> str:
        return self.label
