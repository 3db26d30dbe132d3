"""An app that no setting declares."""

from ardiq_django import Ardiq

app = Ardiq("memory://", queue_name="by-hand")
text = "not an app"
