"""Sync functions that run in processes of their own, on an app that such a process finds here."""

import asyncio
import ctypes
import logging
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, NoReturn

from ardiq_django import Ardiq, ErrorContext, Reject, Requeue, Retry, TaskContext, current_task

logger = logging.getLogger("bodies")
# the processes of a worker have its environment, where a test says which queue it uses
ADDRESS, QUEUE = "ARDIQ_TEST_BODIES_ADDRESS", "ARDIQ_TEST_BODIES_QUEUE"
AT_IMPORT = "ARDIQ_TEST_BODIES_AT_IMPORT"  # what is to happen there when this module is imported
match os.environ.get(AT_IMPORT):
    case "slow":
        time.sleep(1)
    case "stuck":
        time.sleep(600)
    case "broken":
        raise ImportError("half a deploy")
app = Ardiq(os.environ.get(ADDRESS, "memory://"), os.environ.get(QUEUE, "bodies"), ["low", "default", "high"])


HOOKED = "ARDIQ_TEST_BODIES_HOOKED"  # the file in which hooks note what they hear
if HOOKED in os.environ:

    @app.middleware
    async def on_the_loop(context: TaskContext, call_next: Callable[[], Awaitable[Any]]) -> Any:
        return ["on the loop", await call_next()]

    @app.middleware
    def in_the_thread(context: TaskContext, call_next: Callable[[], Any]) -> Any:
        return [threading.current_thread() is threading.main_thread(), call_next()]

    @app.on_error
    async def hear(context: ErrorContext) -> None:
        note(os.environ[HOOKED], repr(context.exc))


class Passing(Exception):
    """Passes with time."""

    def __init__(self, wait_ms: int, *, code: int) -> None:
        super().__init__(f"wait {wait_ms}")  # not what it was made of: pickle could not carry it
        self.wait_ms = wait_ms
        self.code = code


@app.task(executor="process")
def add(a: int, b: int = 1) -> int:
    return a + b


@app.task(executor="process")
def where() -> tuple[int, int]:
    return os.getpid(), os.getppid()


@app.task(executor="process", save_result=False)
def unsaved() -> object:
    return object()


@app.task(executor="process")
def make(what: str) -> Any:
    return {"odd": object(), "large": b"x" * 2_000_000, "values": ({1}, b"\xff", (1, None))}[what]


@app.task(executor="process", takes_context=True, labels={"kind": "demo"})
def tell(context: TaskContext, word: str) -> list[Any]:
    assert context is current_task()
    logger.info("%s", word)
    return [word, context.task_id, context.name, context.tries, context.queue, context.worker_id, dict(context.labels)]


@app.task(executor="process", max_retries=0)
def fail(text: str) -> None:
    logger.info("about to fail")
    raise ValueError(text)


@app.task(
    executor="process",
    max_retries=2,
    retry_on=Passing,
    backoff_ms=lambda tries, error: error.wait_ms + error.code if isinstance(error, Passing) else 60_000,
)
def fail_by_turns() -> str:
    match current_task().tries:
        case 1:
            raise Passing(20, code=3)
        case 2:
            raise Retry("once more", delay_ms=0)
    raise KeyError("not to be tried again")


@app.task(executor="process", max_retries=5)
def ask_for(end: str) -> str:
    if end == "reject":
        raise Reject("never")
    if current_task().requeues < 2:
        raise Requeue(delay_ms=0)
    return f"after {current_task().requeues}"


@app.task(executor="process", max_retries=1, backoff_ms=[0])
def die(how: str, log: str) -> str:
    """Ends its process in the first attempt."""
    note(log, "running")
    if current_task().tries == 1:
        DEATHS[how]()
    return "survived"


def leave_a_fork_behind() -> None:
    if not os.fork():
        time.sleep(20)  # longer than anybody waits for the end of the job
        os._exit(0)
    os._exit(4)


DEATHS: dict[str, Callable[[], object]] = {
    "segfault": lambda: ctypes.string_at(0),
    "exit": lambda: os._exit(3),
    "fork": leave_a_fork_behind,
    "kill": lambda: os.kill(os.getpid(), signal.SIGKILL),
}


@app.task(executor="process", max_retries=0)
def leave(how: str) -> NoReturn:
    raise {"exit": SystemExit(4), "interrupt": KeyboardInterrupt()}[how]


@app.task(executor="process", timeout=0.2, max_retries=0)
def overrun(log: str) -> None:
    logger.info("half way")
    hold(log)


@app.task(executor="process", timeout=0.2, max_retries=0)
def overrun_in_c(log: str) -> None:
    """Holds the interpreter and looks at no signal."""
    note(log, str(os.getpid()))
    _ = 7 ** (7**10)


@app.task(executor="process", timeout=0.9, max_retries=0)
def in_time() -> str:
    return "in time"


@app.task(executor="process")
def hold(log: str) -> None:
    """Say which process this is, and stay."""
    note(log, str(os.getpid()))
    try:
        while True:
            time.sleep(0.01)
    finally:
        note(log, "aborted" if current_task().aborted else "left")


@app.task(executor="process")
def hold_with_a_child(log: str) -> None:
    """The same, with a process of its own that nothing but a kill ends."""
    code = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(flush=True); time.sleep(600)"
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as child:
        assert child.stdout
        child.stdout.readline()
        note(log, f"{os.getpid()} {child.pid}")
        while True:
            try:
                time.sleep(600)
            except SystemExit:
                note(log, "stubborn")


@app.task(executor="process")
def hold_the_interpreter(log: str) -> None:
    note(log, str(os.getpid()))
    re.fullmatch("(a+)+", "a" * 60 + "b")


@app.task(executor="process")
def until_there(log: str, sign: str) -> str:
    """Say which process this is, and wait for a file."""
    note(log, str(os.getpid()))
    while not Path(sign).exists():
        time.sleep(0.01)
    return "done"


@app.task(executor="process")
def progress_until_there(sign: str) -> None:
    current_task().progress_sync(1, 3, "first")
    current_task().progress_sync(2, 3, "second")
    while not Path(sign).exists():
        time.sleep(0.01)


@app.task(executor="process", max_retries=0)
def enqueue_another() -> str:
    return add.enqueue_sync(20, 2).id


@app.task(executor="process", max_retries=0)
def look_at_the_state() -> Any:
    return app.state.client


@app.task(executor="process")
def main_thread() -> bool:
    return threading.current_thread() is threading.main_thread()


@app.task(executor="process")
def run_a_loop() -> int:
    return asyncio.run(asyncio.sleep(0, 5))


def note(log: str, line: str) -> None:
    with open(log, "a") as file:
        file.write(f"{line}\n")
