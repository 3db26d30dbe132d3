"""What is retried is found among many jobs that are scheduled."""

from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps


def drop_whole(apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """MySQL has no partial indexes, and one that is led by the state."""
    if schema_editor.connection.vendor == "mysql":
        schema_editor.execute("ALTER TABLE ardiq_job DROP INDEX ardiq_job_retrying")


class Migration(migrations.Migration):
    dependencies = (("ardiq", "0010_children"),)
    operations = (
        migrations.AddIndex(
            model_name="job",
            index=models.Index(
                fields=["queue", "due_ms"], name="ardiq_job_retrying", condition=models.Q(state="retrying")
            ),
        ),
        migrations.RunPython(drop_whole, migrations.RunPython.noop, atomic=False, elidable=False),
    )
