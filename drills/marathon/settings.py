"""Settings of the soak: results are shown and records are kept for seconds, so that the store must come back to its
base."""

import os

from drills.settings import DATABASES, INSTALLED_APPS, SECRET_KEY, USE_TZ

__all__ = ["ARDIQ", "DATABASES", "INSTALLED_APPS", "SECRET_KEY", "USE_TZ"]

KEPT_MS = 20_000
ARDIQ = {
    "default": {
        "BROKER": os.environ.get("DRILL_BROKER", "database://default"),
        "CONCURRENCY": 32,
        "RESULT_TTL_MS": KEPT_MS // 2,
        "HISTORY_TTL_MS": {"succeeded": KEPT_MS, "failed": KEPT_MS},
        "HISTORY_MAX": {"succeeded": 1_000_000, "failed": 1_000_000},
    }
}
