"""The tasks that both generations know, under names that do not depend on where they are declared."""

from ardiq_django import app
from drills import work

on_loop = app.task(name="drills.work")(work.work)
in_thread = app.task(name="drills.work_in_thread")(work.work_in_thread)
failing = app.task(name="drills.fail_at_first", max_retries=work.FAILURES, backoff_ms=300)(work.fail_at_first)
waiting = app.task(name="drills.wait_for")(work.wait_for)
