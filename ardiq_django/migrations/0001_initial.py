"""The tables as they began."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = ()

    operations = (
        migrations.CreateModel(
            name="Queue",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=64, unique=True, verbose_name="name")),
                ("paused", models.BooleanField(db_default=False, default=False, verbose_name="paused")),
                ("clearing", models.CharField(db_default="", default="", max_length=64, verbose_name="clearing epoch")),
            ],
            options={
                "verbose_name": "queue",
                "verbose_name_plural": "queues",
                "db_table": "ardiq_queue",
                "default_permissions": ("view",),
            },
        ),
        migrations.CreateModel(
            name="Worker",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("epoch", models.CharField(max_length=64, unique=True, verbose_name="epoch")),
                ("queue", models.CharField(max_length=64, verbose_name="queue")),
                ("worker_id", models.CharField(max_length=255, verbose_name="worker")),
                ("host", models.CharField(max_length=255, verbose_name="host")),
                ("pid", models.BigIntegerField(verbose_name="process id")),
                ("concurrency", models.IntegerField(verbose_name="concurrency")),
                ("started_ms", models.BigIntegerField(verbose_name="started")),
                ("lease_end_ms", models.BigIntegerField(verbose_name="lease ends")),
                ("call_no", models.BigIntegerField(db_default=0, default=0, verbose_name="last exchange")),
                ("answers", models.TextField(db_default="", default="", verbose_name="its answers")),
                ("news", models.BinaryField(default=b"", verbose_name="news")),
                ("mail", models.BinaryField(default=b"", verbose_name="commands")),
            ],
            options={
                "verbose_name": "worker",
                "verbose_name_plural": "workers",
                "db_table": "ardiq_worker",
                "default_permissions": ("view",),
            },
        ),
        migrations.CreateModel(
            name="Job",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("queue", models.CharField(max_length=64, verbose_name="queue")),
                ("job_id", models.CharField(max_length=200, verbose_name="job id")),
                ("envelope", models.BinaryField(verbose_name="envelope")),
                ("task", models.CharField(max_length=255, verbose_name="task")),
                ("lane", models.CharField(max_length=64, verbose_name="lane")),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("scheduled", "scheduled"),
                            ("queued", "queued"),
                            ("running", "running"),
                            ("retrying", "retrying"),
                            ("succeeded", "succeeded"),
                            ("failed", "failed"),
                            ("aborted", "aborted"),
                            ("expired", "expired"),
                        ],
                        max_length=10,
                        verbose_name="state",
                    ),
                ),
                ("due_ms", models.BigIntegerField(verbose_name="due")),
                ("expires_ms", models.BigIntegerField(db_default=0, default=0, verbose_name="expires")),
                ("enqueued_ms", models.BigIntegerField(verbose_name="enqueued")),
                ("tries", models.IntegerField(db_default=0, default=0, verbose_name="attempts spent")),
                ("crashes", models.IntegerField(db_default=0, default=0, verbose_name="crashes")),
                ("requeues", models.IntegerField(db_default=0, default=0, verbose_name="requeues")),
                ("epoch", models.CharField(db_default="", default="", max_length=64, verbose_name="worker epoch")),
                ("claim", models.BigIntegerField(db_default=0, default=0, verbose_name="claim")),
                ("worker", models.CharField(db_default="", default="", max_length=255, verbose_name="worker")),
                ("start_ms", models.BigIntegerField(db_default=0, default=0, verbose_name="started")),
                ("finish_ms", models.BigIntegerField(db_default=0, default=0, verbose_name="finished")),
                ("ttl_ms", models.BigIntegerField(db_default=0, default=0, verbose_name="result kept for")),
                ("reason", models.TextField(db_default="", default="", verbose_name="reason")),
                ("value", models.BinaryField(null=True, verbose_name="result")),
                ("abort_asked", models.BooleanField(db_default=False, default=False, verbose_name="abort asked")),
                ("has_history", models.BooleanField(db_default=False, default=False, verbose_name="has attempts")),
            ],
            options={
                "verbose_name": "job",
                "verbose_name_plural": "jobs",
                "db_table": "ardiq_job",
                "permissions": (
                    ("retry_job", "Can retry jobs"),
                    ("abort_job", "Can abort jobs"),
                    ("view_job_payload", "Can see arguments and results of jobs"),
                ),
                "default_permissions": ("view", "delete"),
                "indexes": [
                    models.Index(
                        condition=models.Q(("crashes", 0), ("state", "queued")),
                        fields=["queue", "lane", "due_ms", "id"],
                        name="ardiq_job_ready",
                    ),
                    models.Index(
                        condition=models.Q(("crashes__gt", 0), ("state", "queued")),
                        fields=["queue", "due_ms"],
                        name="ardiq_job_suspect",
                    ),
                    models.Index(
                        condition=models.Q(("state__in", ("scheduled", "retrying"))),
                        fields=["queue", "due_ms"],
                        name="ardiq_job_waiting",
                    ),
                    models.Index(
                        condition=models.Q(("expires_ms__gt", 0), ("state__in", ("scheduled", "queued"))),
                        fields=["queue", "expires_ms"],
                        name="ardiq_job_expiry",
                    ),
                    models.Index(
                        condition=models.Q(("state", "running")), fields=["queue", "epoch"], name="ardiq_job_held"
                    ),
                    models.Index(
                        condition=models.Q(("finish_ms__gt", 0)),
                        fields=["queue", "state", "finish_ms", "id"],
                        name="ardiq_job_ended",
                    ),
                ],
                "constraints": [models.UniqueConstraint(fields=("queue", "job_id"), name="ardiq_job_once")],
            },
        ),
        migrations.CreateModel(
            name="Attempt",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("number", models.IntegerField(verbose_name="number")),
                ("event", models.CharField(max_length=32, verbose_name="event")),
                ("start_ms", models.BigIntegerField(verbose_name="started")),
                ("finish_ms", models.BigIntegerField(verbose_name="finished")),
                ("worker", models.CharField(max_length=255, verbose_name="worker")),
                ("error_type", models.TextField(verbose_name="error type")),
                ("message", models.TextField(verbose_name="message")),
                ("traceback", models.TextField(verbose_name="traceback")),
                ("logs", models.TextField(verbose_name="log")),
                (
                    "job",
                    models.ForeignKey(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="attempts",
                        to="ardiq.job",
                        verbose_name="job",
                    ),
                ),
            ],
            options={
                "verbose_name": "attempt",
                "verbose_name_plural": "attempts",
                "db_table": "ardiq_attempt",
                "default_permissions": ("view",),
            },
        ),
        migrations.CreateModel(
            name="Schedule",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("queue", models.CharField(max_length=64, verbose_name="queue")),
                ("name", models.CharField(max_length=200, verbose_name="name")),
                ("fire_ms", models.BigIntegerField(verbose_name="last staged")),
            ],
            options={
                "verbose_name": "schedule",
                "verbose_name_plural": "schedules",
                "db_table": "ardiq_schedule",
                "default_permissions": ("view",),
                "constraints": [models.UniqueConstraint(fields=("queue", "name"), name="ardiq_schedule_once")],
            },
        ),
    )
