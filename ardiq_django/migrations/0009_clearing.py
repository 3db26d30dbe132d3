"""Whether a worker is chosen for suspects, and has yet to finish what it holds: any number of them, and no queue's one.

The queue's columns leave the models alone and stay in the table, with their defaults: workers of an older version that
are still running read them.
"""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = (("ardiq", "0008_rights"),)
    operations = (
        migrations.AddField(
            model_name="worker",
            name="draining",
            field=models.BooleanField(null=True, verbose_name="finishes other jobs first"),
        ),
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.RemoveField(model_name="queue", name="clearing"),
                migrations.RemoveField(model_name="queue", name="draining"),
            ],
        ),
    )
