"""What an operation found or did: lines for people, a document for programs, a code for scripts."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Any

from ardiq_django.operating.sheet import Sheet


class Report(ABC):
    """The answer of one operation."""

    @abstractmethod
    def lines(self, sheet: Sheet) -> Iterator[str]:
        """What is shown on a terminal."""

    @abstractmethod
    def document(self) -> dict[str, Any]:
        """What `--json` prints. Keys are only ever added."""

    @property
    def exit_code(self) -> int:
        """0 where all is well."""
        return 0
