"""Whether the worker that is to run suspects has yet to finish what it holds."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = (("ardiq", "0003_statistics"),)
    operations = (
        migrations.AddField(
            model_name="queue",
            name="draining",
            field=models.BooleanField(db_default=False, default=False, verbose_name="finishes other jobs first"),
        ),
    )
