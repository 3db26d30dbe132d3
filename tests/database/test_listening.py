"""The thread that hears what other processes tell."""

import socket
import threading
from typing import Any

from ardiq_django.brokers.database.listening import ListeningExecutor
from ardiq_django.brokers.database.lookout import Waiting


class LateBell:
    """Rings only once the thread has ended: it was awake, and needed no ringing."""

    def __init__(self, bell: socket.socket, let_go: threading.Event, thread: threading.Thread) -> None:
        self._bell, self._let_go, self._thread = bell, let_go, thread

    def send(self, data: bytes) -> int:
        self._let_go.set()
        self._thread.join()
        return self._bell.send(data)


def test_a_thread_that_ends_before_it_is_rung_for_has_ended() -> None:
    executor: Any = ListeningExecutor("default", "listening", lambda: None, lambda notice: None, Waiting())
    is_busy, let_go = threading.Event(), threading.Event()

    def busy() -> None:
        is_busy.set()
        assert let_go.wait(10)

    call = executor.submit(busy)
    assert is_busy.wait(10)
    executor._bell = LateBell(executor._bell, let_go, executor._thread)
    executor.shutdown()

    assert call.result(0) is None
    assert not executor._thread.is_alive()
