"""How long after its end the id of a job still belongs to it."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = (("ardiq", "0004_draining"),)
    operations = (
        migrations.AddField(
            model_name="job",
            name="unique_for_ms",
            field=models.BigIntegerField(db_default=0, default=0, verbose_name="unique after its end for"),
        ),
    )
