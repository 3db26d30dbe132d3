"""Schedules that were planned: when they fire next, and what."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = (("ardiq", "0005_unique_for"),)
    operations = (
        migrations.AddField(
            model_name="schedule",
            name="next_ms",
            field=models.BigIntegerField(db_default=0, default=0, verbose_name="fires next"),
        ),
        migrations.AddField(
            model_name="schedule",
            name="fired_ms",
            field=models.BigIntegerField(db_default=0, default=0, verbose_name="fired last"),
        ),
        migrations.AddField(
            model_name="schedule",
            name="last_job",
            field=models.CharField(db_default="", default="", max_length=255, verbose_name="last job"),
        ),
        migrations.AddField(
            model_name="schedule",
            name="token",
            field=models.CharField(db_default="", default="", max_length=64, verbose_name="plan's token"),
        ),
        migrations.AddField(
            model_name="schedule",
            name="task",
            field=models.CharField(db_default="", default="", max_length=255, verbose_name="task"),
        ),
        migrations.AddField(
            model_name="schedule",
            name="plan",
            field=models.BinaryField(null=True, verbose_name="plan"),
        ),
        migrations.AddIndex(
            model_name="schedule",
            index=models.Index(fields=["queue", "next_ms"], name="ardiq_schedule_next"),
        ),
    )
