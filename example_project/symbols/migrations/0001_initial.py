"""The tables as they began."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = ()

    operations = (
        migrations.CreateModel(
            name="Run",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("started_at", models.DateTimeField(auto_now_add=True)),
                ("modules", models.PositiveIntegerField(editable=False, null=True)),
                ("python", models.CharField(blank=True, editable=False, max_length=40)),
            ],
            options={
                "ordering": ("-pk",),
            },
        ),
        migrations.CreateModel(
            name="Summary",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("made_at", models.DateTimeField(auto_now=True)),
                ("modules", models.PositiveIntegerField()),
                ("failures", models.PositiveIntegerField()),
                ("kinds", models.JSONField()),
                ("packages", models.JSONField()),
            ],
            options={
                "verbose_name_plural": "summaries",
            },
        ),
        migrations.CreateModel(
            name="Module",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("path", models.CharField(max_length=255, unique=True)),
                ("name", models.CharField(max_length=255)),
                ("package", models.CharField(db_index=True, max_length=100)),
                ("digest", models.CharField(blank=True, max_length=32)),
                ("size_bytes", models.PositiveIntegerField(default=0)),
                ("error", models.TextField(blank=True)),
                ("indexed_at", models.DateTimeField(auto_now=True)),
                ("run", models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, to="symbols.run")),
            ],
            options={
                "ordering": ("path",),
            },
        ),
        migrations.CreateModel(
            name="Symbol",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("function", "function"),
                            ("class", "class"),
                            ("method", "method"),
                            ("constant", "constant"),
                        ],
                        db_index=True,
                        max_length=8,
                    ),
                ),
                ("name", models.CharField(max_length=255)),
                ("full_name", models.CharField(db_index=True, max_length=500)),
                ("line", models.PositiveIntegerField()),
                (
                    "module",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="symbols", to="symbols.module"
                    ),
                ),
            ],
            options={
                "ordering": ("full_name", "line"),
            },
        ),
    )
