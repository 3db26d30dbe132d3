"""Whether a worker process is well, for whoever looks after it: over HTTP, and as a file."""

import http.client
import json
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

FRESH_S = 15.0  # what is older is not believed: the process hangs, or is gone


class Health:
    """What a process last said of itself. It is told by the event loop, and asked from other threads: a loop that
    hangs tells nothing more, and that is seen by the age of what it told."""

    def __init__(self) -> None:
        self._told: dict[str, Any] = {"ok": False, "queues": {}}
        self._told_s = time.monotonic()

    def tell(self, queues: dict[str, bool]) -> dict[str, Any]:
        """Note which queues are served well; returns what is to be shown."""
        self._told = {"ok": all(queues.values()), "pid": os.getpid(), "queues": queues}
        self._told_s = time.monotonic()
        return self._told

    def ask(self) -> dict[str, Any]:
        """The last word, and how many seconds ago it was said; `ok` only while it is fresh."""
        age_s = time.monotonic() - self._told_s
        return {**self._told, "ok": self._told["ok"] and age_s < FRESH_S, "age_s": round(age_s, 1)}


def write(path: Path, told: dict[str, Any]) -> None:
    """Replace the health file in one step, so that nobody reads half of it."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    beside.write_text(json.dumps({**told, "told_s": time.time()}))
    beside.replace(path)


def check(where: str) -> str:
    """What is wrong with the process that writes this file, or answers on this port; empty if nothing is."""
    try:
        told = _asked(int(where)) if where.isdecimal() else json.loads(Path(where).read_text())
    except (OSError, ValueError) as error:
        return f"no worker tells its health at {where}: {error}"
    age_s = time.time() - told["told_s"] if "told_s" in told else told["age_s"]
    if age_s >= FRESH_S:
        return f"the worker at {where} last told its health {age_s:.0f} s ago"
    ill = [queue for queue, is_well in told["queues"].items() if not is_well]
    return "" if told["ok"] else f"the worker at {where} cannot reach the broker of: {', '.join(ill) or 'any queue'}"


def _asked(port: int) -> dict[str, Any]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/")
        told: dict[str, Any] = json.loads(connection.getresponse().read())
    finally:
        connection.close()
    return told


class HealthServer:
    """Answers any GET with 200 and what `ask` says while that is well, else with 503."""

    def __init__(self, port: int, ask: Callable[[], dict[str, Any]]) -> None:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                told = ask()
                body = json.dumps(told).encode()
                self.send_response(200 if told["ok"] else 503)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *args: object) -> None:
                """A probe every few seconds is no news."""

        self._server = ThreadingHTTPServer(("", port), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, name="ardiq-health", daemon=True)

    @property
    def port(self) -> int:
        """Where it answers; of the system's choice where 0 was asked for."""
        return int(self._server.server_address[1])

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@contextmanager
def answering(port: int | None, ask: Callable[[], dict[str, Any]]) -> Iterator[None]:
    """Answer on this port, if there is one, for the length of the block."""
    if port is None:
        yield
        return
    server = HealthServer(port, ask)
    server.start()
    try:
        yield
    finally:
        server.stop()
