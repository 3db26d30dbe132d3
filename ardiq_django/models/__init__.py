"""The tables of the database broker. What is said to them in SQL stands on their querysets."""

from ardiq_django.models.attempt import Attempt
from ardiq_django.models.job import Job
from ardiq_django.models.mark import Mark
from ardiq_django.models.queue import Queue
from ardiq_django.models.receipt import Receipt
from ardiq_django.models.schedule import Schedule
from ardiq_django.models.stat import Stat
from ardiq_django.models.task import Task
from ardiq_django.models.worker import Worker

__all__ = ["Attempt", "Job", "Mark", "Queue", "Receipt", "Schedule", "Stat", "Task", "Worker"]
