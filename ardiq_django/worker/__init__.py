"""The half that does: claims jobs of one queue, runs them, and reports how they ended."""

from ardiq_django.worker.worker import Worker

__all__ = ["Worker"]
