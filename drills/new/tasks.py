"""The tasks of the old code, and one more."""

from ardiq_django import app
from drills import work
from drills.old import tasks as old

on_loop, in_thread, failing, waiting = old.on_loop, old.in_thread, old.failing, old.waiting
newcomer = app.task(name="drills.newcomer")(work.work)
