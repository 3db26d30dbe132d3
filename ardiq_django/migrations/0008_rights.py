"""The rights that the sections of the admin ask for."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = (("ardiq", "0007_receipts"),)
    operations = (
        migrations.CreateModel(
            name="Task",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
            ],
            options={
                "verbose_name": "task",
                "verbose_name_plural": "tasks",
                "managed": False,
                "default_permissions": ("view",),
            },
        ),
        migrations.AlterModelOptions(
            name="job",
            options={
                "default_permissions": ("view", "delete"),
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
        migrations.AlterModelOptions(
            name="queue",
            options={
                "default_permissions": ("view",),
                "permissions": (("pause_queue", "Can pause and resume queues"), ("clear_queue", "Can clear queues")),
                "verbose_name": "queue",
                "verbose_name_plural": "queues",
            },
        ),
        migrations.AlterModelOptions(
            name="schedule",
            options={
                "default_permissions": ("view", "change"),
                "permissions": (("run_schedule", "Can run schedules now"),),
                "verbose_name": "schedule",
                "verbose_name_plural": "schedules",
            },
        ),
        migrations.AlterModelOptions(
            name="worker",
            options={
                "default_permissions": ("view",),
                "permissions": (("stop_worker", "Can quiet and stop workers"),),
                "verbose_name": "worker",
                "verbose_name_plural": "workers",
            },
        ),
    )
