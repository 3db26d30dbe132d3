"""The receipts' table: what was done once, written in the transaction that did it."""

from django.db import connections, models, transaction
from django.utils.translation import gettext_lazy as _

from ardiq_django.models.dialects import dialect
from ardiq_django.models.job_queryset import NAME_LENGTH


class ReceiptQuerySet(models.QuerySet["Receipt"]):
    """The verbs of the receipts' table."""

    def write(self, digest: str, title: str, ttl_ms: int) -> bool:
        """Write a receipt; False if it is there. Where a transaction that has not ended wrote it, wait for its end."""
        return dialect(connections[self.db]).write_receipt(digest, title[:NAME_LENGTH], ttl_ms)

    def purge(self, limit: int) -> int:
        """Remove so many whose time is over; returns how many went. Those that another worker is at are left to it."""
        now = dialect(connections[self.db]).now_ms()
        with transaction.atomic(using=self.db):
            over = self.filter(expires_ms__lte=now).order_by("expires_ms").select_for_update(skip_locked=True)
            digests = list(over.values_list("digest", flat=True)[:limit])
            self.filter(digest__in=digests).delete()
        return len(digests)


class Receipt(models.Model):
    """Proof that effects were committed, for `once()`. It is looked for by its digest alone."""

    digest = models.CharField(_("digest"), max_length=64, primary_key=True)
    title = models.CharField(_("title"), max_length=NAME_LENGTH)  # what it was made of, for people
    expires_ms = models.BigIntegerField(_("kept until"))

    objects = ReceiptQuerySet.as_manager()

    class Meta:
        db_table = "ardiq_receipt"
        verbose_name = _("receipt")
        verbose_name_plural = _("receipts")
        default_permissions = ()
        indexes = (models.Index(fields=("expires_ms",), name="ardiq_receipt_expiry"),)

    def __str__(self) -> str:
        return self.title
