"""The database broker: jobs as rows, over Django's own connections."""

from ardiq_django.brokers.database.broker import DatabaseBroker

__all__ = ["DatabaseBroker"]
