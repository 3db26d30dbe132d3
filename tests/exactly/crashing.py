"""An app whose tasks end their own process, each job once, at the worst moment."""

import os
import signal
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from django.db import connections, transaction

from ardiq_django import Ardiq, once
from tests.exactly.effects import buy

LEASE_MS = 1_000
alias = os.environ["ARDIQ_TEST_ALIAS"]
place = Path(os.environ["ARDIQ_TEST_PLACE"])
app = Ardiq(
    os.environ["ARDIQ_TEST_ADDRESS"],
    queue_name=os.environ["ARDIQ_TEST_QUEUE"],
    idle_timeout_ms=LEASE_MS,
    max_crashes=1_000,
    poll_block_ms=50,
    concurrency=int(os.environ["ARDIQ_TEST_SLOTS"]),
)


def note(name: str) -> None:
    """Another run of this job."""
    with (place / "runs").open("a") as file:
        file.write(f"{name}\n")


def die_once(name: str) -> None:
    """End the process as the kernel does when memory runs out, if this job has not done so before."""
    try:
        os.close(os.open(place / f"died {name}", os.O_CREAT | os.O_EXCL))
    except FileExistsError:
        return
    os.kill(os.getpid(), signal.SIGKILL)


def die_before_commit(name: str) -> None:
    """End it when the end of the job is written, and not committed."""

    def after(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        done = execute(sql, params, many, context)
        if "state = 'succeeded'" in sql:
            die_once(name)
        return done

    connections[alias].execute_wrappers.append(after)


def wait_for_sign() -> None:
    while not (place / "go").exists():
        threading.Event().wait(0.005)


def act(name: str, where: str) -> None:
    """The effect, and then the end."""
    note(name)
    buy(alias, name)
    match where:
        case "in the body":
            die_once(name)
        case "before the commit":
            die_before_commit(name)
        case "after the commit":
            transaction.on_commit(partial(die_once, name), using=alias)
        case "stopped":
            wait_for_sign()


@app.task
def ordinary(name: str, where: str) -> None:
    act(name, where)


@app.task
def receipted(name: str, where: str) -> None:
    note(name)
    if where == "stopped":
        wait_for_sign()
    with once(using=alias) as is_first:
        if where == "in the body":
            die_once(name)
        if is_first:
            buy(alias, name)
        if where == "before the commit":
            die_once(name)
    if where == "after the commit":
        die_once(name)


if app.address.startswith("database:"):

    @app.task(atomic=alias)
    def atomic(name: str, where: str) -> None:
        act(name, where)
