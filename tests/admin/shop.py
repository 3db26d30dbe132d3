"""A queue with jobs for the admin to show: enqueued and settled through the broker's own verbs."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

import msgspec

from ardiq_django import codec
from ardiq_django.ardiq import Ardiq
from ardiq_django.brokers.base import Broker
from ardiq_django.models import Job as StoredJob
from ardiq_django.results import Attempt, State
from ardiq_django.wire import Delivery, News, Outcome
from tests.contract import makers
from tests.contract.keep import RUBBISH, Keep, Worker

T = TypeVar("T")
HOUR_MS = 3_600_000
INVOICE = "shop.invoice"


def invoice(order: int, customer: Any = None, card: str = "", *rest: Any, **extra: Any) -> None:
    """The declared task of the shop."""


class Shop:
    """One declared queue in the hands of a test."""

    def __init__(self, app: Ardiq, other: str) -> None:
        self.app = app
        self.other = other  # the name of another queue, which is empty
        self.queue = app.queue_name
        self.broker: Broker = app.broker
        self.keep = Keep(app.address)
        self.keep.rules = app.options.rules
        self.keep.broker = self.broker
        self.keep._brokers.append(self.broker)
        self._worker: Worker | None = None

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        return self.broker.run_sync(coroutine)

    @property
    def worker(self) -> Worker:
        if self._worker is None:
            self._worker = self.run(self.keep.worker("web-3:811"))
        return self._worker

    def put(self, *args: Any, task: str = INVOICE, kwargs: dict[str, Any] | None = None, **fields: Any) -> str:
        """A job that was accepted."""
        call = codec.encode([list(args), kwargs or {}])
        return self.run(self.keep.put(**{"task": task, "call": call, **fields})).id

    def put_many(self, number: int, **fields: Any) -> list[str]:
        return [job.id for job in self.run(self.keep.put_many(number, **{"task": INVOICE, **fields}))]

    def claim(self, *args: Any, **fields: Any) -> Delivery:
        """A job of its own in the worker's hands."""
        job_id = self.put(*args, **fields)
        delivery = self.run(self.worker.claim_one())
        assert delivery.job.id == job_id, "an older job was waiting"
        return delivery

    def settle(self, outcome: Outcome) -> str:
        self.run(self.worker.settle(outcome))
        return outcome.delivery.job.id

    def scheduled(self, **fields: Any) -> str:
        return self.put(4711, delay_ms=HOUR_MS, **fields)

    def running(self, **fields: Any) -> str:
        return self.claim(4711, **fields).job.id

    def retrying(self, **fields: Any) -> str:
        return self.settle(makers.retrying(self.claim(4711, **fields), HOUR_MS))

    def succeeded(self, value: Any = "paid", logs: str = "", **fields: Any) -> str:
        success = makers.success(self.claim(4711, **fields), codec.encode(value))
        return self.settle(msgspec.structs.replace(success, logs=logs))

    def failed(self, **fields: Any) -> str:
        return self.settle(makers.failure(self.claim(4711, **fields), "ConnectionError('gateway says 502')"))

    def failed_with(self, attempt: Attempt, reason: str) -> str:
        delivery = self.claim(4711)
        failed = makers.failure(delivery, reason)
        return self.settle(type(failed)(delivery, attempt, reason, failed.ttl_ms))

    def aborted(self, **fields: Any) -> str:
        job_id = self.scheduled(**fields)
        self.run(self.broker.abort([job_id]))
        return job_id

    def expired(self, **fields: Any) -> str:
        job_id = self.put(4711, expire_ms=1, **fields)
        self.keep.travel(50)
        self.run(self.broker.sweep())
        return job_id

    def one_of_each(self) -> dict[State, str]:
        """A job in each state; the queued one comes last, for it would be claimed."""
        made: dict[State, str] = {
            state: getattr(self, state.value)() for state in State if state not in (State.QUEUED, State.RUNNING)
        }
        made[State.RUNNING] = self.running()
        made[State.QUEUED] = self.put(4711)
        return made

    def tell_progress(self, job_id: str, *progress: Any) -> None:
        self.run(self.worker.beat(News(progress={job_id: progress})))

    def corrupt(self, job_id: str) -> None:
        """Let the stored bytes of a job be some that nobody can decode."""
        if self.app.address.startswith("database"):
            StoredJob.objects.filter(queue=self.queue, job_id=job_id).update(envelope=RUBBISH)
        else:
            asyncio.run(self.keep.corrupt(job_id))
