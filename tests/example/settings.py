"""The settings of the example, with the memory broker and a database of this test session."""

import sys
from pathlib import Path

from tests.services import work_dir

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "example_project"))

from code_index.settings import *  # noqa: F403 (the path comes first)
from code_index.settings import DATABASES

ARDIQ = {"default": {"BROKER": "memory://", "CONCURRENCY": 4, "POLL_BLOCK_MS": 2_000}}
DATABASES["default"]["TEST"] = {"NAME": work_dir() / "example.sqlite3"}
DEBUG = False
