"""Which jobs an attempt enqueued."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = (("ardiq", "0009_clearing"),)
    operations = (
        migrations.AddField(
            model_name="attempt",
            name="children",
            field=models.TextField(db_default="", default="", verbose_name="jobs it enqueued"),
        ),
        migrations.AddField(
            model_name="job",
            name="children",
            field=models.TextField(db_default="", default="", verbose_name="jobs it enqueued"),
        ),
    )
