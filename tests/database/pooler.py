"""PgBouncer before a PostgreSQL: each transaction gets whichever of a few server connections is free."""

import shutil
from collections.abc import Sequence
from pathlib import Path

import psycopg

from tests.services import PostgresServer, Server, free_port, make_directory

MISSING = "No PgBouncer was found: install one with `apt-get install pgbouncer` (macOS: `brew install pgbouncer`)."
SERVER_CONNECTIONS = 3


def find_pgbouncer() -> str | None:
    return shutil.which("pgbouncer", path="/usr/local/bin:/usr/bin:/usr/sbin:/usr/local/sbin:/opt/homebrew/bin")


class PgBouncer(Server):
    """In transaction mode, on a free port of this machine; it lets in anybody."""

    def __init__(self, behind: PostgresServer) -> None:
        super().__init__(make_directory("pgbouncer"))
        self.behind = behind
        self.port = free_port()

    @property
    def url(self) -> str:
        return f"postgresql://{self.behind.user}@127.0.0.1:{self.port}/postgres"

    def answers(self) -> bool:
        try:
            with psycopg.connect(self.url, connect_timeout=5, prepare_threshold=None) as connection:
                connection.execute("SELECT 1")
        except psycopg.OperationalError:
            return False
        return True

    def _user(self) -> str | None:
        return self.behind._user()

    def _command(self) -> Sequence[str | Path]:
        settings = {
            "listen_addr": "127.0.0.1",
            "listen_port": self.port,
            "unix_socket_dir": "",
            "auth_type": "any",
            "pool_mode": "transaction",
            "default_pool_size": SERVER_CONNECTIONS,
            "query_wait_timeout": 30,
        }
        lines = [f"{name} = {value}" for name, value in settings.items()]
        databases = f"* = host={self.behind.directory} user={self.behind.user}"
        ini = self.directory / "pgbouncer.ini"
        ini.write_text("\n".join(["[databases]", databases, "[pgbouncer]", *lines, ""]))
        for path, mode in ((self.directory, 0o755), (ini, 0o644)):
            path.chmod(mode)
        program = find_pgbouncer()
        assert program is not None
        return (program, ini)
