"""The app that the worker processes of a scenario serve, as the environment describes it."""

import json
import os

from tests.scenarios import work

work.shift_clock(float(os.environ.get("SCENARIO_CLOCK_S", "0")))
app = work.made(**json.loads(os.environ["SCENARIO_APP"]))
if every := float(os.environ.get("SCENARIO_EVERY_S", "0")):
    app.cron(every=every)(work.tick)
