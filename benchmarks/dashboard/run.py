"""Fill the store, then visit each page so many times; in the process that the settings are for."""

import argparse
import statistics
import time
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlencode

import django

django.setup()

from django.contrib.admin.utils import quote  # noqa: E402
from django.contrib.auth.models import User  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.test import Client  # noqa: E402

from ardiq_django import Ardiq, app  # noqa: E402
from ardiq_django.dashboard.desk import ROWS, WINDOW  # noqa: E402
from ardiq_django.results import State  # noqa: E402
from ardiq_django.snapshot import Query  # noqa: E402
from benchmarks.dashboard.counting import counted  # noqa: E402
from benchmarks.dashboard.fill import TASKS, Filling  # noqa: E402

ALIASES = {"postgres": "postgres", "mariadb": "mariadb"}
OWN = 2  # statements of Django's: who is logged in, and the log of the admin


@dataclass(frozen=True, slots=True)
class Visit:
    """What came of the visits to one page."""

    page: str
    runs_ms: list[float]
    calls: int
    size: int

    def line(self) -> str:
        median, worst = statistics.median(self.runs_ms), max(self.runs_ms)
        return f"  {self.page:<42} {median:>8.0f} ms {worst:>8.0f} ms {self.calls:>5} calls {self.size / 1000:>6.0f} kB"


def pages(app: Ardiq) -> Iterator[tuple[str, str]]:
    """What each page is called, and where it is."""
    for span in ("1h", "8h", "3d", "90d"):
        yield f"overview, {span}", f"?span={span}"
    yield "jobs", "job/"
    counts = app.broker.run_sync(app.broker.counts())
    for state in State:
        yield f"jobs, {state}", f"job/?state={state}"
        if counts[state] > WINDOW:
            yield f"jobs, {state}, last page", f"job/?state={state}&p={WINDOW // ROWS}"
        yield f"jobs, {state}, of a task", "job/?" + urlencode({"state": state, "task": TASKS[1]})
        yield f"jobs, {state}, past hour", f"job/?state={state}&since=1h"
    yield "jobs, search", "job/?q=remind"
    yield "jobs, search of what is not there", "job/?q=nowhere"
    yield "jobs, failed, search", "job/?state=failed&q=Timeout"
    yield "jobs, failed, groups", "job/?state=failed&group=error"
    yield "jobs, failed, of an error", "job/?state=failed&error=ValueError"
    for state in (State.QUEUED, State.SCHEDULED, State.RUNNING, State.SUCCEEDED, State.FAILED):
        (row,) = app.broker.run_sync(app.broker.page(Query(states=(state,), limit=1))).rows
        yield f"a job, {state}", f"job/{quote(f'{app.queue_name}:{row.job.id}')}/change/"
    for section in ("queue", "task", "worker", "schedule"):
        yield f"{section}s", f"{section}/"


def visit(client: Client, name: str, address: str, runs: int) -> Visit:
    """Each run is a request of its own, as a person's."""
    times: list[float] = []
    calls = size = 0
    for number in range(runs + 1):  # the first one loads templates and makes connections
        with counted() as count:
            began = time.perf_counter()
            response = client.get(f"/admin/ardiq/{address}")
            took_ms = (time.perf_counter() - began) * 1000
        if response.status_code != 200:
            raise SystemExit(f"{address}: {response.status_code}")
        if number:
            times.append(took_ms)
        calls, size = len(count.statements) - OWN, len(response.content)
    return Visit(name, times, calls, size)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("broker")
    parser.add_argument("--jobs", type=int, required=True)
    parser.add_argument("--runs", type=int, required=True)
    given = parser.parse_args()
    for alias in {"default", ALIASES.get(given.broker, "default")}:
        call_command("migrate", database=alias, verbosity=0)
    if given.jobs:
        app.broker.run_sync(Filling(app, given.jobs).fill())
    print(f"{given.broker}: {sum(app.broker.run_sync(app.broker.counts()).values()):,} jobs", flush=True)
    client = Client()
    client.force_login(User.objects.get_or_create(username="anna", is_staff=True, is_superuser=True)[0])
    slow, asks_sql = 0, given.broker != "redis"  # where a call of a broker is one round trip or several
    for name, address in pages(app):
        found = visit(client, name, address, given.runs)
        slow += statistics.median(found.runs_ms) >= 300 or (asks_sql and found.calls > 12)
        print(found.line(), flush=True)
    print(f"  {slow} pages over 300 ms" + " or 12 calls" * asks_sql, flush=True)


if __name__ == "__main__":
    main()
