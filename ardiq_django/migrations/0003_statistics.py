"""What became of attempts, in buckets of time; and the number of each worker's last report of it."""

from importlib import import_module

from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps

exact = import_module("ardiq_django.migrations.0002_storage").exact


def tune(apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    exact(("ardiq_stat",), schema_editor)


class Migration(migrations.Migration):
    dependencies = (("ardiq", "0002_storage"),)
    operations = (
        migrations.AddField(
            model_name="worker",
            name="reported",
            field=models.BigIntegerField(db_default=0, default=0, verbose_name="last report"),
        ),
        migrations.CreateModel(
            name="Stat",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("queue", models.CharField(max_length=64, verbose_name="queue")),
                ("resolution", models.CharField(max_length=16, verbose_name="resolution")),
                ("start_ms", models.BigIntegerField(verbose_name="began")),
                ("task", models.CharField(max_length=255, verbose_name="task")),
                ("cells", models.BinaryField(verbose_name="figures")),
            ],
            options={
                "verbose_name": "statistic",
                "verbose_name_plural": "statistics",
                "db_table": "ardiq_stat",
                "default_permissions": ("view",),
                "constraints": [
                    models.UniqueConstraint(fields=("queue", "resolution", "start_ms", "task"), name="ardiq_stat_once")
                ],
            },
        ),
        migrations.RunPython(tune, migrations.RunPython.noop, atomic=False, elidable=False),
    )
