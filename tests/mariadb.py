"""The MariaDB of the tests, which runs only where ARDIQ_TEST_MARIADB asks for it."""

import socket
from collections.abc import Sequence
from pathlib import Path

from tests.programs import find_mariadb, find_mariadb_installer
from tests.services import STOP_TIMEOUT_S, DatabaseServer, make_directory


class MariaDbServer(DatabaseServer):
    """MariaDB with its own defaults, such as REPEATABLE READ and latin1: what projects need, they must ask for."""

    def __init__(self, directory: Path | None = None) -> None:
        super().__init__(directory or make_directory("mariadb"))

    @property
    def url(self) -> str:
        return f"mysql://{self.user}@/?unix_socket={self.socket}"

    @property
    def socket(self) -> Path:
        return self.directory / "socket"

    def start(self) -> None:
        if not (self.directory / "data").exists():
            self._create_data()
        super().start()

    def answers(self) -> bool:
        with socket.socket(socket.AF_UNIX) as probe:
            probe.settimeout(STOP_TIMEOUT_S)
            try:
                probe.connect(str(self.socket))
                return bool(probe.recv(1))  # it greets who connects
            except OSError:
                return False

    def _create_data(self) -> None:
        data = f"--datadir={self.directory / 'data'}"
        self._install(find_mariadb_installer(), "--no-defaults", data, "--auth-root-authentication-method=normal")
        user = f"{self.user}@localhost"  # read at every start, one statement a line
        (self.directory / "user.sql").write_text(f"CREATE USER IF NOT EXISTS {user};\nGRANT ALL ON *.* TO {user};\n")

    def _command(self) -> Sequence[str | Path]:
        options = {
            "datadir": self.directory / "data",
            "socket": self.socket,
            "pid-file": self.directory / "pid",
            "init-file": self.directory / "user.sql",
            "innodb-flush-log-at-trx-commit": 0,
            "max-connections": 200,
        }
        return (
            find_mariadb(), "--no-defaults", "--skip-networking",
            *(f"--{name}={value}" for name, value in options.items()),
        )  # fmt: skip
