"""The right to change jobs that wait."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = (("ardiq", "0012_logs"),)
    operations = (
        migrations.AlterModelOptions(
            name="job",
            options={
                "default_permissions": ("view", "change", "delete"),
                "permissions": (
                    ("retry_job", "Can retry jobs"),
                    ("abort_job", "Can abort jobs"),
                    ("reschedule_job", "Can change when jobs run"),
                    ("enqueue_job", "Can enqueue jobs"),
                    ("view_job_payload", "Can see arguments and results of jobs"),
                ),
                "verbose_name": "job",
                "verbose_name_plural": "jobs",
            },
        ),
    )
