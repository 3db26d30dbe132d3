"""What a drill stands on: the broker's server, as in production, and what settings must know of it."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from drills.redundant import Redundant, ReplicatedCluster, Sentinels
from tests.services import PostgresServer, RedisServer, Server

BROKERS = ("redis", "postgres", "sqlite")
REDUNDANT: dict[str, Callable[[], Redundant]] = {"sentinel": Sentinels, "cluster": ReplicatedCluster}
SETTINGS = {"chaos": "drills.storm.settings", "soak": "drills.marathon.settings"}
CRASHING = ("chaos",)  # drills in which the server is killed and must have kept what it accepted


@dataclass(frozen=True, slots=True)
class Ground:
    """One broker, and a directory for the drill's own files."""

    broker: str
    directory: Path
    server: Server | None  # None on SQLite, which has none
    settings: str = "drills.settings"
    redundant: Redundant | None = None  # several servers in place of one

    @property
    def alias(self) -> str:
        """The database that keeps the jobs, if one does."""
        return "postgres" if self.broker == "postgres" else "default"

    @property
    def ledger(self) -> Path:
        return self.directory / "ledger"

    @property
    def environment(self) -> dict[str, str]:
        """For the settings, of this process and of the workers."""
        found = {
            "DJANGO_SETTINGS_MODULE": self.settings,
            "DRILL_SQLITE": str(self.directory / "drill.sqlite3"),
            "DRILL_LEDGER": str(self.ledger),
            "DRILL_BROKER": f"database://{self.alias}",
        }
        if isinstance(self.server, RedisServer):
            found["DRILL_BROKER"] = self.server.url
        if self.redundant:
            found["DRILL_BROKER"] = self.redundant.url
        if isinstance(self.server, PostgresServer):
            found |= {"DRILL_POSTGRES_HOST": str(self.server.directory), "DRILL_POSTGRES_USER": self.server.user}
        return found


@contextmanager
def ground(broker: str, directory: Path, drill: str = "") -> Iterator[Ground]:
    """A broker of the drill's own, which runs meanwhile."""
    server = _server(broker, keeps_all=drill in CRASHING)
    redundant = REDUNDANT[broker]() if broker in REDUNDANT else None
    beneath = server or redundant
    try:
        if beneath:
            beneath.start()
        yield Ground(broker, directory, server, SETTINGS.get(drill, "drills.settings"), redundant)
    finally:
        if beneath:
            beneath.stop()


def _server(broker: str, keeps_all: bool) -> Server | None:
    match broker:
        case "redis":
            return RedisServer("--appendonly", "yes", "--appendfsync", "always" if keeps_all else "everysec")
        case "postgres":
            return KeepingPostgres() if keeps_all else PostgresServer()
    return None


class KeepingPostgres(PostgresServer):
    """PostgreSQL that has handed to the system what it said to have committed, so that its death loses nothing."""

    def _command(self) -> Sequence[str | Path]:
        return (*super()._command(), "-c", "synchronous_commit=on")  # the last word counts
