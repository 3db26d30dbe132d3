"""What the ORM cannot say about the tables: how PostgreSQL cleans them, and what MySQL lacks."""

from typing import Any

from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps

# A queue turns its rows over all day: dead rows and stale statistics make claims slow long before the defaults act.
POSTGRESQL = (
    "ALTER TABLE ardiq_job SET (autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 1000, "
    "autovacuum_vacuum_insert_scale_factor = 0.05, autovacuum_analyze_scale_factor = 0.02, "
    "autovacuum_analyze_threshold = 500, autovacuum_vacuum_cost_delay = 1)",
    "ALTER TABLE ardiq_worker SET (fillfactor = 25, autovacuum_vacuum_scale_factor = 0, "
    "autovacuum_vacuum_threshold = 500, autovacuum_vacuum_cost_delay = 0)",
)

# No partial indexes there: Django made whole ones, of every row, which are in the order of no search. So as few as will
# do, each led by the states that are asked for.
MYSQL = (
    "ALTER TABLE ardiq_job DROP INDEX ardiq_job_ready, DROP INDEX ardiq_job_suspect, DROP INDEX ardiq_job_waiting, "
    "DROP INDEX ardiq_job_expiry, DROP INDEX ardiq_job_held, "
    "ADD INDEX ardiq_job_ready (queue, state, crashes, lane, due_ms, id), "
    "ADD INDEX ardiq_job_waiting (queue, state, due_ms), "
    "ADD INDEX ardiq_job_expiry (queue, state, expires_ms), "
    "ADD INDEX ardiq_job_held (queue, state, epoch)",
)

STATEMENTS = {"postgresql": POSTGRESQL, "mysql": MYSQL}
TABLES = ("ardiq_job", "ardiq_attempt", "ardiq_worker", "ardiq_queue", "ardiq_schedule")


def exact(tables: tuple[str, ...], schema_editor: BaseDatabaseSchemaEditor) -> None:
    """On MySQL: any text, on a storage that has transactions; and texts that differ at all (in case, in accents, in
    spaces at their end) are different names, as everywhere else."""
    connection: Any = schema_editor.connection
    if connection.vendor == "mysql":
        collation = "utf8mb4_nopad_bin" if connection.mysql_is_mariadb else "utf8mb4_0900_bin"
        for table in tables:
            schema_editor.execute(
                f"ALTER TABLE {table} ENGINE = InnoDB, CONVERT TO CHARACTER SET utf8mb4 COLLATE {collation}"
            )


def tune(apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    exact(TABLES, schema_editor)
    for statement in STATEMENTS.get(schema_editor.connection.vendor, ()):
        schema_editor.execute(statement)


class Migration(migrations.Migration):
    dependencies = (("ardiq", "0001_initial"),)
    # not in a transaction of its own, which MySQL could not take back
    operations = (migrations.RunPython(tune, migrations.RunPython.noop, atomic=False, elidable=False),)
