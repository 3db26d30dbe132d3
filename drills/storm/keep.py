"""The broker's server, as the storm treats it: it crashes and comes back, and forgets connections and scripts."""

import contextlib
import os
import random
import signal
import time
from collections.abc import Mapping
from pathlib import Path

from drills.fleet import children_of
from drills.ground import Ground
from drills.storm.acts import STALL, Act, Acts
from drills.storm.wire import Place
from tests.services import PostgresServer, RedisServer

LOSSES = {"redis": 0.01, "postgres": 0.003}  # of so many chunks; a verb is one on Redis, three to six on PostgreSQL


class Keep:
    """One server. Whatever it said to have done is there again when it is back."""

    def __init__(self, ground: Ground, acts: Acts, chance: random.Random) -> None:
        assert ground.server is not None
        self._server = ground.server
        self._acts = acts
        self._chance = chance
        self._is_down = False

    @property
    def place(self) -> Place:
        """Where it answers."""
        if isinstance(self._server, RedisServer):
            return Place.of(self._server.url)
        return Place(path=str(self._server.directory / ".s.PGSQL.5432"))

    def reached_at(self, place: Place) -> Mapping[str, str]:
        """What settings must be told of a wire that leads here."""
        if place.path:
            return {"DRILL_POSTGRES_HOST": str(Path(place.path).parent)}
        return {"DRILL_BROKER": f"redis://127.0.0.1:{place.port}/0"}

    def crash(self) -> None:
        """SIGKILL, to every process of it."""
        self._is_down = True
        process = self._server._process
        assert process is not None
        beneath = children_of(process.pid)
        process.send_signal(signal.SIGKILL)
        for pid in beneath:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self._server.kill()

    def come_back(self) -> None:
        """Return when it answers."""
        self._server.start()
        self._is_down = False

    def cut_connections(self) -> None:
        """`CLIENT KILL` to all, or `pg_terminate_backend` to some."""
        if self._is_down:
            return
        if isinstance(self._server, RedisServer):
            kind = self._chance.choice((b"normal", b"pubsub"))
            self._tell_redis(b"CLIENT KILL TYPE " + kind)
        else:
            self._tell_postgres(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE pid <> pg_backend_pid() AND backend_type = 'client backend' AND random() < 0.3"
            )

    def forget_scripts(self) -> None:
        """`SCRIPT FLUSH`; nothing on PostgreSQL, which has none."""
        if isinstance(self._server, RedisServer) and not self._is_down:
            self._tell_redis(b"SCRIPT FLUSH")

    def probe(self) -> None:
        """Ask it something; note how long the answer took if that was long."""
        since_s = time.monotonic()
        if self._is_down or not self._server.answers() or self._is_down:
            return
        until_s = time.monotonic()
        if until_s - since_s > 0.3:
            self._acts.add(Act(STALL, since_s, until_s))

    def _tell_redis(self, command: bytes) -> None:
        assert isinstance(self._server, RedisServer)
        with contextlib.suppress(OSError):
            self._server._ask(command)

    def _tell_postgres(self, statement: str) -> None:
        import psycopg

        assert isinstance(self._server, PostgresServer)
        with contextlib.suppress(psycopg.Error), psycopg.connect(self._server.url, autocommit=True) as connection:
            connection.execute(statement)
