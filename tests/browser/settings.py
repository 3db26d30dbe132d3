"""Settings of the shop whose admin a browser visits: a database file of its own, and a strict policy for its pages."""

import json
import os
from pathlib import Path

from tests.settings import *  # noqa: F403
from tests.settings import DATABASES, INSTALLED_APPS, MIDDLEWARE

HOME = Path(os.environ["ARDIQ_BROWSER_HOME"])
ARDIQ = json.loads(os.environ["ARDIQ_BROWSER_QUEUES"])

DATABASES = {"default": {**DATABASES["default"], "NAME": str(HOME / "shop.sqlite3")}}
INSTALLED_APPS = [*(app for app in INSTALLED_APPS if app != "tests.shop"), "tests.browser.store"]
MIDDLEWARE = [*MIDDLEWARE, "tests.browser.policy.strict"]
ROOT_URLCONF = "tests.browser.urls"
