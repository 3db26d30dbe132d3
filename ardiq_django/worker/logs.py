"""What the code of an attempt says by `logging`, kept with how the attempt ended."""

import logging
import threading
from collections import deque
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from ardiq_django.context import TaskContext, task_here
from ardiq_django.outcome import storable

if TYPE_CHECKING:
    from ardiq_django.ardiq import Ardiq

MAX_LINES = 200
MAX_LINE_CHARS = 4_000
MAX_BYTES = 16_384
MAX_BYTES_OF_SUCCESS = 4_096  # there are many more of them, and nobody asks why

_levels: "WeakKeyDictionary[Ardiq, int]" = WeakKeyDictionary()  # of the apps whose attempts are heard
_lock = threading.Lock()
_installed = False


class Log:
    """The last lines of one attempt."""

    __slots__ = ("_lines", "_number")

    def __init__(self) -> None:
        self._lines: deque[str] = deque(maxlen=MAX_LINES)
        self._number = 0

    def add(self, record: logging.LogRecord) -> None:
        """Remember a record, as text: what it was made from may be large, or change."""
        self._number += 1
        self._lines.append(_line(record))

    def take_over(self, text: str) -> None:
        """Lines that another has remembered."""
        self._number += 1
        self._lines.append(text)

    def text(self, room: int) -> str:
        """The lines, oldest first; of too many the last ones, and of these as many as there is room for, in bytes."""
        kept: deque[str] = deque()
        for line in reversed(self._lines):
            room -= len(line.encode()) + 1
            if room < 0 and kept:
                break
            kept.appendleft(line)
        left_out = self._number - len(kept)
        return "\n".join([f"… {left_out:,} earlier lines left out", *kept] if left_out else kept)


def listen(app: "Ardiq") -> None:
    """From now on remember what attempts of this app log, from the level of its `capture_logs` on."""
    level = app.options.capture_logs
    if not level:
        _levels.pop(app, None)
        return
    _levels[app] = logging.getLevelNamesMapping()[level]
    _install()


def said_in(context: TaskContext | None, most_bytes: int = MAX_BYTES) -> str:
    """What an attempt has logged."""
    return context.log.text(most_bytes) if context is not None and context.log is not None else ""


def take_over(context: TaskContext, text: str) -> None:
    """Have what an attempt has logged in another process count as logged here."""
    if text:
        context.log = Log()
        context.log.take_over(text)


def let_through(apps: Iterable["Ardiq"]) -> None:
    """Called once by a process that does nothing but run jobs: where a project has not said what its loggers let
    through, that is what attempts are to keep. Nothing more is printed by that."""
    root = logging.getLogger()
    levels = [logging.getLevelNamesMapping()[app.options.capture_logs] for app in apps if app.options.capture_logs]
    if levels and not root.handlers and root.level == logging.WARNING:
        root.setLevel(min(root.level, *levels))


def _install() -> None:
    # every record passes here, also those of loggers that keep them to themselves; a handler would not see these, and
    # one at the root silences what logging prints where there is none
    global _installed
    with _lock:
        if _installed:
            return
        _installed = True
        make = logging.getLogRecordFactory()

        def make_and_remember(*args: Any, **kwargs: Any) -> logging.LogRecord:
            record = make(*args, **kwargs)
            context = task_here()
            if context is not None and record.levelno >= _levels.get(context.app, logging.CRITICAL + 1):
                _log_of(context).add(record)
            return record

        logging.setLogRecordFactory(make_and_remember)


def _log_of(context: TaskContext) -> Log:
    if context.log is None:
        with _lock:  # several threads may work for one attempt
            context.log = context.log or Log()
    return context.log


def _line(record: logging.LogRecord) -> str:
    try:
        text = record.getMessage()
        if record.exc_info:
            text += "\n" + logging.Formatter().formatException(record.exc_info)
    except Exception as error:
        text = f"{record.msg!r} (cannot be formatted: {error!r})"
    when = datetime.fromtimestamp(record.created, UTC)
    line = f"{when:%H:%M:%S}.{when.microsecond // 1000:03}Z {record.levelname} {record.name}: {text}"
    # what follows the first line is indented: none looks like a record of its own
    first, *rest = (line if len(line) <= MAX_LINE_CHARS else line[:MAX_LINE_CHARS] + "…").splitlines()
    return storable("\n    ".join([first, *rest]))
