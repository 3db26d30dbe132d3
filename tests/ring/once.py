"""A module that the first process imports well, and no other, as one that takes something all for itself; and those
others take their time to fail, as on a slow machine."""

import os
import time
from pathlib import Path

from ardiq_django import Ardiq

SLOW_S = 3.5
app = Ardiq(broker="memory://", queue_name="once")
taken = Path(os.environ["ARDIQ_TEST_ONCE"])
if taken.exists():
    time.sleep(SLOW_S)
taken.mkdir()
