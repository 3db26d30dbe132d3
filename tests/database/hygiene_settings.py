"""Settings of the worker processes of hygiene tests: PostgreSQL is their default database, as the environment says."""

import json
import os
import sys

given = json.loads(os.environ["ARDIQ_TEST_DATABASE"])
if given.pop("DRIVER", None) == "psycopg2":
    sys.modules["psycopg"] = None  # type: ignore[assignment]  # Django takes the other one

from tests.settings import *  # noqa: E402, F403
from tests.settings import DATABASES as OF_TESTS  # noqa: E402

DATABASES = {"default": {**OF_TESTS["postgres"], **given}}
