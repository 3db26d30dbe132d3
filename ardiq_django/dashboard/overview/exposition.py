"""Figures as Prometheus reads them: its text format, version 0.0.4."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
OF_TEXT = str.maketrans({"\\": r"\\", "\n": r"\n"})
OF_LABEL = str.maketrans({"\\": r"\\", "\n": r"\n", '"': r"\""})


class Kind(StrEnum):
    """What a figure is. None of ours is a counter: what is told of a span of time falls as the span moves on."""

    GAUGE = "gauge"
    SUMMARY = "summary"  # quantiles, each by its label


@dataclass(frozen=True, slots=True)
class Sample:
    """One value, and what it is of."""

    value: float
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Family:
    """All samples of one name. Where there are none, nothing is known, which is not zero."""

    name: str
    about: str
    samples: Sequence[Sample]
    kind: Kind = Kind.GAUGE


def exposed(families: Iterable[Family]) -> bytes:
    """The document. Any text may be a label; half a pair of UTF-16, which no UTF-8 can hold, is a question mark."""
    return "".join(_family(one) for one in families).encode(errors="replace")


def _family(one: Family) -> str:
    head = f"# HELP {one.name} {one.about.translate(OF_TEXT)}\n# TYPE {one.name} {one.kind}\n"
    return head + "".join(f"{one.name}{_labels(sample.labels)} {sample.value!r}\n" for sample in one.samples)


def _labels(labels: Mapping[str, str]) -> str:
    pairs = ",".join(f'{name}="{value.translate(OF_LABEL)}"' for name, value in labels.items())
    return f"{{{pairs}}}" if pairs else ""
