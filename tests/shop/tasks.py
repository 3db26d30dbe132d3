"""Tasks of the shop: what worker processes do in tests, told through the database and through files."""

import asyncio
import os
import re
import signal
import threading
from pathlib import Path

from django.db import transaction
from django.db.models import F

from ardiq_django import app, current_task
from tests.shop.models import Order


@app.task
async def rename(order_id: int, name: str) -> str:
    """Give an order another name."""
    order = await Order.objects.aget(pk=order_id)
    before, order.name = order.name, name
    await order.asave(update_fields=["name"])
    return before


@app.task
def add(order_id: int, number: int) -> None:
    """Order more of it."""
    Order.objects.filter(pk=order_id).update(number=F("number") + number)


@app.task
async def note(path: str, word: str) -> int:
    """Add a line to a file; returns the number of the attempt."""
    _write(path, word)
    return current_task().tries


@app.task
async def wait_for(path: str, sign: str) -> str:
    """Say that it runs, and wait for a file to appear."""
    _write(path, "running")
    while not Path(sign).exists():  # noqa: ASYNC110, ASYNC240 (a file announces nothing)
        await asyncio.sleep(0.01)
    _write(path, "done")
    return "done"


@app.task
def block(path: str, sign: str) -> None:
    """The same in a thread."""
    _write(path, "running")
    while not Path(sign).exists():
        threading.Event().wait(0.01)
    _write(path, "done")


@app.task
def kill_the_worker(path: str) -> None:
    """End the process as the kernel does when memory runs out."""
    _write(path, "running")
    os.kill(os.getpid(), signal.SIGKILL)


@app.task
def threads() -> list[str]:
    """The names of the threads of this worker."""
    return [thread.name for thread in threading.enumerate()]


@app.task(executor="process")
def add_in_process(order_id: int, number: int) -> list[int]:
    """Order more of it, from a process of its own; returns that one and its worker."""
    Order.objects.filter(pk=order_id).update(number=F("number") + number)
    return [os.getpid(), os.getppid()]


@app.task(executor="process")
def leave_open(order_id: int) -> int:
    """Leave a transaction open, which another process would wait for."""
    transaction.atomic().__enter__()
    return Order.objects.filter(pk=order_id).update(number=1_000)


@app.task(executor="process")
def block_in_process(path: str, sign: str) -> None:
    """Say which process this is, and wait for a file to appear."""
    _write(path, str(os.getpid()))
    while not Path(sign).exists():
        threading.Event().wait(0.01)
    _write(path, "done")


@app.task(executor="process")
def hold_the_interpreter(path: str) -> None:
    """The same, in a call that lets no other thread do anything and does not end."""
    _write(path, str(os.getpid()))
    re.fullmatch("(a+)+", "a" * 60 + "b")


def _write(path: str, word: str) -> None:
    # one small write to a file that was opened to append is one piece, whoever else writes
    with open(path, "a") as file:
        file.write(f"{word}\n")
