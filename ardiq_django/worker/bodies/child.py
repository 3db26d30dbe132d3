"""The program of a process that runs bodies: one after the other, until its worker cuts the line."""

import asyncio
import contextlib
import fcntl
import os
import select
import signal
import socket
import sys
import threading
import traceback
from contextlib import AbstractContextManager, ExitStack, nullcontext
from contextvars import copy_context
from importlib import import_module
from typing import TYPE_CHECKING, Any, NoReturn, cast

import msgspec

from ardiq_django import bridge, origin
from ardiq_django.brokers import Broker
from ardiq_django.exceptions import BrokerError
from ardiq_django.registry import TaskDefinition
from ardiq_django.wire import Outcome
from ardiq_django.worker import logs
from ardiq_django.worker.atomic import Committed
from ardiq_django.worker.bodies.letters import (
    LENGTH_BYTES,
    Began,
    Call,
    LastWords,
    Progressed,
    Refused,
    Welcome,
    ended,
    frame,
    read_call,
    read_welcome,
)
from ardiq_django.worker.bodies.process import END_SIGNAL
from ardiq_django.worker.clock import BrokerClock
from ardiq_django.worker.executor import Executor
from ardiq_django.worker.run import Cut, Run
from ardiq_django.worker.slots import MainThread, WorkerSlot

if TYPE_CHECKING:
    from ardiq_django.ardiq import Ardiq

LOOK_EVERY_MS = 200
MAX_REASON = 1_900


def main(fd: int) -> None:
    """Serve the worker at the other end of this socket."""
    os.set_inheritable(fd, False)
    line = Line(socket.socket(fileno=fd))
    child = Child(line)
    child.heed_signals()
    try:
        child.serve()
    finally:
        sys.stdout.flush()
        if child.was_ended:
            die()


def die() -> NoReturn:
    """End this process, and what its bodies have started, at once."""
    if os.getpgrp() == os.getpid():
        os.killpg(0, signal.SIGKILL)
    os._exit(1)


class Line:
    """The socket to the worker. One thread reads; any may write."""

    def __init__(self, sock: socket.socket) -> None:
        self._socket = sock
        self._incoming = sock.makefile("rb")
        self._writing = threading.Lock()
        # a body may fork: the worker is to see the end of this process, and not of what that left behind
        os.register_at_fork(after_in_child=self._let_go)

    def _let_go(self) -> None:
        with contextlib.suppress(OSError):  # an earlier fork in this line has let go already
            os.close(self._socket.detach())

    def read(self) -> bytes | None:
        """The next letter; None once the worker has cut the line."""
        length = self._incoming.read(LENGTH_BYTES)
        if len(length) < LENGTH_BYTES:
            return None
        return self._incoming.read(int.from_bytes(length))

    def write(self, letter: msgspec.Struct) -> None:
        data = frame(letter)
        with self._writing:
            self._socket.sendall(data)

    def call_when_cut(self, number: signal.Signals) -> None:
        """Have this signal sent here whenever something comes over the line, its end too."""
        fcntl.fcntl(self._socket, fcntl.F_SETOWN, os.getpid())
        flags = fcntl.fcntl(self._socket, fcntl.F_GETFL)
        fcntl.fcntl(self._socket, fcntl.F_SETFL, flags | os.O_ASYNC)

    def stirs_within(self, limit_ms: int) -> bool:
        poll = select.poll()
        poll.register(self._socket, select.POLLIN)
        return bool(poll.poll(limit_ms))

    @property
    def is_cut(self) -> bool:
        try:
            return self._socket.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT) == b""
        except BlockingIOError:
            return False
        except OSError:
            return True


class Child:
    """Runs what it is called for in the main thread, where signals reach it and libraries expect to be.

    A worker that is gone ends it at once, in the middle of a body too: by then the job is another's. Two look out for
    that, a thread and a signal, because a body may hold the interpreter, or the main thread, for long."""

    def __init__(self, line: Line) -> None:
        self._line = line
        self._thread = MainThread("main")
        self._slot: WorkerSlot | None = None
        self._run: Run | None = None
        self._works = threading.Event()
        self._telling = threading.Lock()
        self.was_ended = False

    def heed_signals(self) -> None:
        """Only the worker says when to stop. What others send to all processes of a service is meant for it."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, _pass_over)  # to ignore them would be inherited by programs that a body starts
        signal.signal(END_SIGNAL, self._end)
        signal.signal(signal.SIGIO, lambda *_: self._look())
        self._line.call_when_cut(signal.SIGIO)
        threading.Thread(target=self._keep_looking, name="ardiq-line", daemon=True).start()

    def serve(self) -> None:
        """Run bodies until the line is cut."""
        with ExitStack() as ring:
            welcome = self._line.read() or b""
            while not self.was_ended and (letter := self._line.read()) is not None:
                self._works.set()
                call = read_call(letter)
                try:
                    app, run = self._take_up(call, read_welcome(welcome), ring)
                except Exception:
                    self._line.write(Refused(traceback.format_exc()[-MAX_REASON:]))
                    return
                self._answer(call, app, run)
                self._works.clear()

    def _take_up(self, call: Call, welcome: Welcome, ring: ExitStack) -> "tuple[Ardiq, Run]":
        if self._slot is None:
            ring.enter_context(ring_of(welcome))
        app, definition = task_of(call, welcome.main)
        # now a script has set up what it likes: the unit of work is that of the framework
        self._slot = self._slot or WorkerSlot(1, self._thread)
        return app, Run(call.delivery, definition, self._slot, 0)

    def _answer(self, call: Call, app: "Ardiq", run: Run) -> None:
        clock = BrokerClock(app.broker)
        clock.ahead_ms = call.ahead_ms
        executor = bridge.run(_executor(app, clock))
        run.start_ms = clock.now_ms()
        self._line.write(Began(run.start_ms))
        self._run = run
        try:
            outcome = self._execute(executor, app, run)
        finally:
            with self._telling:
                self._run = None
        if self.was_ended:
            self._line.write(LastWords(logs.said_in(run.context)))
        elif outcome:
            self._line.write(ended(outcome))

    def _execute(self, executor: Executor, app: "Ardiq", run: Run) -> Outcome | None:
        if not executor.needs_loop:
            outcome = copy_context().run(executor.execute_sync, run)
            return None if isinstance(outcome, Committed) else outcome  # no atomic task runs here
        assert app.loop  # noqa: S101 (where the executor was made)
        return self._thread.wait_for(asyncio.run_coroutine_threadsafe(executor.execute(run), app.loop))

    def _end(self, *_: Any) -> None:
        """The worker wants no more of this: let the body clean up, like a coroutine that is cancelled."""
        self.was_ended = True
        if run := self._run:
            run.cut = Cut.LOST  # the worker judges it
            if run.context:
                run.context.aborted = True
        raise SystemExit

    def _keep_looking(self) -> None:
        told: object = None
        while self._works.wait():
            if self._line.stirs_within(LOOK_EVERY_MS):
                self._look()
            with self._telling:
                made = self._run.context.progress_made if self._run and self._run.context else None
                if made and made is not told:
                    self._tell(made)
                    told = made

    def _tell(self, made: tuple[Any, ...]) -> None:
        # a worker that is gone is seen at the next look; what cannot be carried is passed over
        with contextlib.suppress(OSError, TypeError, ValueError, OverflowError):
            self._line.write(Progressed(made))

    def _look(self) -> None:
        if self._works.is_set() and self._line.is_cut:
            die()


async def _executor(app: "Ardiq", clock: BrokerClock) -> Executor:
    app.loop = asyncio.get_running_loop()  # where async hooks and dependencies of sync tasks are awaited
    return Executor(app, clock, lambda: False)


def _pass_over(*_: Any) -> None:
    """A signal that is not for us."""


def ring_of(welcome: Welcome) -> AbstractContextManager[object]:
    """What the framework wants around all that runs here."""
    sys.argv[:] = welcome.argv
    if not welcome.ring:
        return nullcontext()
    module, _, name = welcome.ring.partition(":")
    return cast(AbstractContextManager[object], getattr(import_module(module), name)())


def task_of(call: Call, main: str) -> "tuple[Ardiq, TaskDefinition]":
    """The task that is called, and its app, which speaks for the worker's here."""
    app, definition = origin.find(call.module, main, call.queue, call.delivery.job.task)
    app.override(worker_id=call.worker_id, result_ttl_ms=call.result_ttl_ms, max_payload_bytes=call.max_payload_bytes)
    logs.let_through([app])
    app.state = cast(Any, NotHere("app.state is what the worker's lifespan made, in its own process", AttributeError))
    if app.address.startswith("memory:"):
        lost = 'a memory:// queue lives in the worker\'s process: a task with executor="process" cannot reach it'
        app._broker = cast(Broker, NotHere(lost, BrokerError))
    return app, definition


class NotHere:
    """Stands for what is in the worker's process alone; raises whatever is asked of it."""

    def __init__(self, why: str, error: type[Exception]) -> None:
        self._why = why
        self._error = error

    def __getattr__(self, name: str) -> Any:
        raise self._error(self._why)
