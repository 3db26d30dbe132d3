"""Receipts of what was done once."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = (("ardiq", "0006_plans"),)
    operations = (
        migrations.CreateModel(
            name="Receipt",
            fields=[
                ("digest", models.CharField(max_length=64, primary_key=True, serialize=False, verbose_name="digest")),
                ("title", models.CharField(max_length=255, verbose_name="title")),
                ("expires_ms", models.BigIntegerField(verbose_name="kept until")),
            ],
            options={
                "verbose_name": "receipt",
                "verbose_name_plural": "receipts",
                "db_table": "ardiq_receipt",
                "default_permissions": (),
                "indexes": [models.Index(fields=["expires_ms"], name="ardiq_receipt_expiry")],
            },
        ),
    )
