"""Settings of the chaos drill: a short lease, and two queues that the same workers serve."""

import os

from drills.settings import DATABASES, INSTALLED_APPS, SECRET_KEY, USE_TZ

__all__ = ["ARDIQ", "DATABASES", "INSTALLED_APPS", "SECRET_KEY", "USE_TZ"]

LEASE_MS = 3_000
KILLS_OF_A_JOB = 3  # of the queue that holds the poison
COMMON = {
    "BROKER": os.environ.get("DRILL_BROKER", "database://default"),
    "CONCURRENCY": 16,
    "IDLE_TIMEOUT_MS": LEASE_MS,
    "RESULT_TTL_MS": 6 * 3_600_000,  # ends are read when the drill is over
    "HISTORY_MAX": {"succeeded": 1_000_000},
}
ARDIQ = {
    "default": COMMON | {"MAX_CRASHES": 1_000},  # workers that we kill are no fault of a job's
    "fragile": COMMON | {"MAX_CRASHES": KILLS_OF_A_JOB},
}
