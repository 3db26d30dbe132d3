"""Beginning anew when the code changes, for development: what runs is finished or handed back first."""

import os
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from django.utils import autoreload


class _Files(autoreload.StatReloader):
    def __init__(self) -> None:
        super().__init__()
        self.were_seen = threading.Event()

    def snapshot_files(self) -> Iterator[tuple[Path, float]]:
        yield from super().snapshot_files()
        self.were_seen.set()


class Reloader:
    """Watches the files of every module that is loaded, and calls `changed` once with the first that changes."""

    def __init__(self, changed: Callable[[Path], None]) -> None:
        self._changed = changed
        self._files = _Files()
        self._ended = threading.Event()
        self.has_changed = False
        self._thread = threading.Thread(target=self._watch, name="ardiq-reload", daemon=True)

    def start(self) -> None:
        """Any change from now on is seen."""
        # answering True keeps Django from ending the process in the middle of our jobs
        autoreload.file_changed.connect(self._hear, dispatch_uid="ardiq-reload")
        self._thread.start()
        self._files.were_seen.wait()

    def stop(self) -> None:
        self._ended.set()
        autoreload.file_changed.disconnect(dispatch_uid="ardiq-reload")

    def _watch(self) -> None:
        for _ in self._files.tick():
            if self._ended.is_set():
                return

    def _hear(self, *, file_path: Path, **_: Any) -> bool:
        if not self.has_changed and file_path.suffix == ".py":
            self.has_changed = True
            self._changed(file_path)
        return True


def begin_anew() -> None:
    """Replace this process by a fresh one of the same command."""
    sys.stdout.flush()
    sys.stderr.flush()
    command = autoreload.get_child_arguments()
    os.execv(command[0], command)  # noqa: S606
