"""What an attempt that succeeded has logged."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = (("ardiq", "0011_retrying"),)
    operations = (
        migrations.AddField(
            model_name="job",
            name="logs",
            field=models.TextField(db_default="", default="", verbose_name="log"),
        ),
    )
