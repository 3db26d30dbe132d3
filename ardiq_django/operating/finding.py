"""What an examination finds: one sentence with a verdict, and what to do about it."""

from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any


class Verdict(StrEnum):
    """How bad it is."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Finding:
    """The verdict of one check on one queue, or on the project where `queue` is empty."""

    queue: str
    check: str
    verdict: Verdict
    says: str
    advice: str = ""

    def document(self) -> dict[str, Any]:
        return asdict(self)
