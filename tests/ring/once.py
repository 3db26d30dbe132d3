"""A module that the first process imports well, and no other, as one that takes something all for itself."""

import os

from ardiq_django import Ardiq

app = Ardiq(broker="memory://", queue_name="once")
os.mkdir(os.environ["ARDIQ_TEST_ONCE"])
