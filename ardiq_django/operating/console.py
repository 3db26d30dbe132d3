"""The person at the terminal, if there is one: asked before something is done, and told how far it is."""

import sys
from dataclasses import dataclass

from django.core.management.base import CommandError, OutputWrapper

from ardiq_django.operating.sheet import number_of


@dataclass(slots=True)
class Console:
    """Questions and progress go to `stream`, so that standard output carries the answer alone."""

    stream: OutputWrapper
    says_yes: bool = False
    is_quiet: bool = False  # of progress
    _width: int = 0

    def confirm_or_leave(self, what: str) -> None:
        """Ask; raises `CommandError` for a no, and where nobody can be asked and `--yes` was not given."""
        if self.says_yes:
            return
        if not sys.stdin.isatty():
            raise CommandError(f"{what}: nobody is here to be asked; say --yes, or --dry-run to see what would happen")
        self._write(f"{what}? [y/N] ")
        if sys.stdin.readline().strip().lower() not in ("y", "yes"):
            raise CommandError("nothing was done")

    def progress(self, doing: str, done: int, total: int) -> None:
        """Say how far it is, on one line that is written over; only on a terminal, and not where a program reads."""
        if self.stream.isatty() and not self.is_quiet:
            share = done / max(1, done, total)
            bar = "█" * round(24 * share)
            text = f"{doing} {bar:░<24} {share:4.0%}  {done:,} of {number_of(max(done, total))}"
            self._write("\r" + text.ljust(self._width))
            self._width = len(text)

    def clear(self) -> None:
        """Take the progress away again."""
        if self._width:
            self._write("\r" + " " * self._width + "\r")
            self._width = 0

    def _write(self, text: str) -> None:
        self.stream.write(text, style_func=str, ending="")
        self.stream.flush()
