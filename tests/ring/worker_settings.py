"""Settings of the worker processes that tests start: those of the tests, with the queues of the environment."""

import json
import os

from tests.settings import *  # noqa: F403

ARDIQ = json.loads(os.environ["ARDIQ_TEST_QUEUES"])
DEBUG = bool(os.environ.get("ARDIQ_TEST_DEBUG"))
