"""What the ORM cannot say about the tables: how PostgreSQL cleans them, and what MySQL lacks."""

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

# No partial indexes there, and ids that differ only in case must stay different jobs.
MYSQL = (
    "ALTER TABLE ardiq_job MODIFY job_id varchar(200) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL",
    "CREATE INDEX ardiq_job_live ON ardiq_job (queue, state, lane, due_ms, id)",
    "CREATE INDEX ardiq_job_held ON ardiq_job (queue, state, epoch)",
    "CREATE INDEX ardiq_job_ended ON ardiq_job (queue, state, finish_ms, id)",
)

STATEMENTS = {"postgresql": POSTGRESQL, "mysql": MYSQL}


def tune(apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    for statement in STATEMENTS.get(schema_editor.connection.vendor, ()):
        schema_editor.execute(statement)


class Migration(migrations.Migration):
    dependencies = (("ardiq", "0001_initial"),)
    operations = (migrations.RunPython(tune, migrations.RunPython.noop, elidable=False),)
