"""How long and how hard a drill is."""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass, fields


@dataclass(frozen=True, slots=True)
class Plan:
    """The numbers a drill is given; each is a flag of the command line."""

    restarts: int = 20
    kills: int = 12
    outage_s: float = 60.0
    failovers: int = 4
    rate: float = 30.0  # jobs enqueued a second
    seed: int = 1  # of a storm
    seeds: int = 10  # so many storms, from that seed on
    storm_s: float = 60.0
    kill_every_s: float = 1.5  # on a machine on which a start takes long, nobody would live to be stopped or cut off
    jobs: int = 0  # of a storm or a soak; 0 for as many as it has by itself


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """A flag for each number."""
    for field in fields(Plan):
        kind = type(field.default)
        parser.add_argument(f"--{field.name.replace('_', '-')}", type=kind, default=field.default, metavar="N")


def plan_of(given: argparse.Namespace) -> Plan:
    """What the command line says."""
    return Plan(**{field.name: getattr(given, field.name) for field in fields(Plan)})


def flags(given: argparse.Namespace) -> Sequence[str]:
    """The same as flags again, for a process of the drill's own."""
    return [
        part
        for field in fields(Plan)
        for part in (f"--{field.name.replace('_', '-')}", str(getattr(given, field.name)))
    ]
