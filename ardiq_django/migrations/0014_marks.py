"""Marks on the charts of the admin."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = (("ardiq", "0013_change_job"),)
    operations = (
        migrations.CreateModel(
            name="Mark",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("label", models.CharField(max_length=64, verbose_name="label")),
                ("at_ms", models.BigIntegerField(verbose_name="when")),
            ],
            options={
                "verbose_name": "mark",
                "verbose_name_plural": "marks",
                "db_table": "ardiq_mark",
                "default_permissions": (),
                "indexes": [models.Index(fields=["at_ms"], name="ardiq_mark_when")],
            },
        ),
    )
