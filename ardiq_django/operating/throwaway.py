"""A queue of an operation's own beside somebody's: same broker, same options; in the end nothing of it is left."""

from collections.abc import Iterator
from contextlib import contextmanager

from ardiq_django.ardiq import Ardiq
from ardiq_django.clock import new_epoch

DATABASE, MEMORY = "database://", "memory://"
KEPT = (  # what the options of the other queue have to do with speed
    "concurrency", "idle_timeout_ms", "poll_block_ms", "result_ttl_ms", "serializer", "deserializer",
    "max_payload_bytes",
)  # fmt: skip
AT_ONCE = 1_000  # jobs, or keys looked at


@contextmanager
def throwaway(app: Ardiq) -> Iterator[Ardiq]:
    """An app whose worker ends by itself; the queue is removed afterwards, whatever happens meanwhile."""
    options = {name: getattr(app.options, name) for name in KEPT}
    own = Ardiq(app.address, f"throwaway-{new_epoch()}", burst=True, enqueue_on_commit="never", **options)
    try:
        yield own
    finally:
        if own.address.startswith(DATABASE):
            _remove_rows(own)
        elif not own.address.startswith(MEMORY):
            own.broker.run_sync(_remove_keys(own))
        own.broker.run_sync(own.broker.close())


def _remove_rows(app: Ardiq) -> None:
    from django.db import DEFAULT_DB_ALIAS

    from ardiq_django.models import Job, Queue, Stat, Worker

    alias, queue = app.address.removeprefix(DATABASE) or DEFAULT_DB_ALIAS, app.queue_name
    jobs = Job.objects.using(alias)
    while ids := list(jobs.filter(queue=queue).values_list("pk", flat=True)[:AT_ONCE]):
        jobs.filter(pk__in=ids).delete()
    for model in (Stat, Worker):
        model.objects.using(alias).filter(queue=queue).delete()
    Queue.objects.using(alias).filter(name=queue).delete()


async def _remove_keys(app: Ardiq) -> None:
    """No verb of the contract removes a queue as a whole, so its keys are looked for."""
    from ardiq_django.brokers.redis.client import Client  # loaded only where it is used
    from ardiq_django.brokers.redis.scripts import Command, Keyspace

    keys = Keyspace(app.options.rules)
    client = Client(app.address, keys["jobs"])
    cursor, is_over = b"0", False
    while not is_over:
        ((cursor, found),) = await client.ask(
            Command((b"SCAN", cursor, b"MATCH", f"{keys.prefix}*", b"COUNT", AT_ONCE))
        )
        if found:
            await client.ask(Command((b"UNLINK", *found)))
        is_over = cursor == b"0"
    await client.close()
