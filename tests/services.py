"""The real servers of the tests: Redis and PostgreSQL, each started on demand with a directory of its own."""

import atexit
import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.programs import find_postgres, find_redis

START_TIMEOUT_S = 30.0
STOP_TIMEOUT_S = 10.0


class ServerBroken(Exception):
    """A server did not start or did not stop; the message ends with its log."""


class Server(ABC):
    """One server process, which also ends when the process that started it dies, however that died."""

    last_resort = signal.SIGKILL
    polite = signal.SIGTERM

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._process: subprocess.Popen[bytes] | None = None
        self._lifeline: subprocess.Popen[bytes] | None = None

    @property
    @abstractmethod
    def url(self) -> str:
        """Where it answers."""

    @property
    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Return once the server answers. A server that was stopped comes back under the same URL."""
        if self.is_running:
            return
        self._process = self._spawn(self._command())
        self._lifeline = self._hold_lifeline(self._process.pid)
        self._wait_until_ready(self._process)

    def stop(self) -> None:
        """End the server politely; return once it is gone."""
        self.resume()
        self._end(self.polite)

    def kill(self) -> None:
        """End the server at once, as a crash of its machine would."""
        self._end(self.last_resort)

    def pause(self) -> None:
        """Freeze the server: connections stay open, nothing answers."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        self._signal(signal.SIGCONT)

    @abstractmethod
    def answers(self) -> bool:
        """Whether it is ready."""

    @abstractmethod
    def _command(self) -> Sequence[str | Path]:
        """What starts it."""

    def _user(self) -> str | None:
        """The system user to run as; None: whoever runs the tests."""
        return None

    def _spawn(self, command: Sequence[str | Path]) -> subprocess.Popen[bytes]:
        with (self.directory / "log").open("ab") as log:
            return subprocess.Popen(
                command,
                cwd=self.directory,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                **_as_user(self._user()),
            )

    def _hold_lifeline(self, pid: int) -> subprocess.Popen[bytes]:
        # Our end of the pipe closes when we die, even by SIGKILL; no server is then left behind.
        script = 'read -r _; kill -s "$1" "$2"; rm -rf "$3"'
        name = self.last_resort.name.removeprefix("SIG")
        return subprocess.Popen(
            ["/bin/sh", "-c", script, "lifeline", name, str(pid), self.directory],
            stdin=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    def _wait_until_ready(self, process: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + START_TIMEOUT_S
        while not self.answers():
            if process.poll() is not None or time.monotonic() > deadline:
                self.kill()
                raise ServerBroken(f"{type(self).__name__} did not start:\n{self._log_tail()}")
            time.sleep(0.01)

    def _end(self, how: signal.Signals) -> None:
        if self._lifeline is not None:
            self._lifeline.kill()
            self._lifeline.communicate()
            self._lifeline = None
        if self._process is None:
            return
        self._signal(how)
        try:
            self._process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None

    def _signal(self, number: signal.Signals) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(number)

    def _log_tail(self) -> str:
        return (self.directory / "log").read_text(errors="replace")[-2000:]


class RedisServer(Server):
    """Redis or Valkey on a free port of this machine. It keeps nothing on disk, unless `options` say so."""

    def __init__(self, *options: str) -> None:
        super().__init__(make_directory("redis"))
        self.options = options
        self.port = free_port()

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def flush(self) -> None:
        self._ask(b"FLUSHALL")

    def answers(self) -> bool:
        try:
            return self._ask(b"PING").startswith((b"+PONG", b"-NOAUTH"))
        except OSError:
            return False

    def _ask(self, command: bytes) -> bytes:
        with socket.create_connection(("127.0.0.1", self.port), timeout=STOP_TIMEOUT_S) as connection:
            connection.sendall(command + b"\r\n")
            return connection.recv(100)

    def _command(self) -> Sequence[str | Path]:
        network = ("--port", str(self.port), "--bind", "127.0.0.1", "--dir", self.directory)
        return (find_redis(), *network, "--save", "", "--appendonly", "no", *self.options)


class DatabaseServer(Server):
    """A database on a socket in its own directory, user `ardiq`, without password; careless of power cuts."""

    user = "ardiq"

    def _user(self) -> str | None:
        return "nobody" if os.geteuid() == 0 else None  # databases refuse to run as root

    def _install(self, *command: str | Path) -> None:
        """Make an empty database, as the user the server runs as."""
        self.directory.mkdir(mode=0o700, exist_ok=True)
        if user := self._user():
            shutil.chown(self.directory, user)
        if self._spawn(command).wait(START_TIMEOUT_S) != 0:
            raise ServerBroken(f"{command[0]} failed:\n{self._log_tail()}")


class PostgresServer(DatabaseServer):
    """PostgreSQL."""

    polite = signal.SIGINT  # the fast shutdown: it does not wait for clients
    last_resort = signal.SIGQUIT  # the immediate shutdown: unlike SIGKILL it takes the children along

    def __init__(self, directory: Path | None = None) -> None:
        super().__init__(directory or make_directory("postgres"))
        self._programs: Path | None = None

    @property
    def url(self) -> str:
        return f"postgresql://{self.user}@/postgres?host={self.directory}"

    def start(self) -> None:
        if self._programs is None:
            self._programs = self._reachable(find_postgres())
            self._create_cluster(self._programs)
        super().start()

    def answers(self) -> bool:
        import psycopg

        try:
            psycopg.connect(self.url, connect_timeout=5).close()
        except psycopg.OperationalError:
            return False
        return True

    def _command(self) -> Sequence[str | Path]:
        assert self._programs is not None
        settings = {
            "listen_addresses": "",
            "unix_socket_directories": str(self.directory),
            "max_connections": "200",
            "fsync": "off",
            "full_page_writes": "off",
            "synchronous_commit": "off",
        }
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        return (self._programs / "postgres", "-D", self.directory / "data", *options)

    def _create_cluster(self, programs: Path) -> None:
        choices = ("--username", self.user, "--auth", "trust", "--encoding", "UTF8", "--locale", "C", "--no-sync")
        self._install(programs / "initdb", "-D", self.directory / "data", *choices)

    def _reachable(self, programs: Path) -> Path:
        """The programs, or a copy of them if the user we run them as may not enter their directory."""
        try:
            subprocess.run(
                [programs / "postgres", "--version"], check=True, capture_output=True, **_as_user(self._user())
            )
        except PermissionError:
            installation = programs.parent
            copy = work_dir() / "programs" / installation.parent.name / installation.name
            libraries = installation.parent.with_name(f"{installation.parent.name}.libs")
            shutil.copytree(installation, copy, symlinks=True)
            if libraries.is_dir():
                shutil.copytree(libraries, copy.parent.with_name(libraries.name), symlinks=True)
            return copy / programs.name
        return programs


def work_dir() -> Path:
    """The directory of this test session, shared with its child processes. Naming it does not make it."""
    unused = Path(tempfile.gettempdir()) / f"ardiq-{secrets.token_hex(4)}"
    path = os.environ.setdefault("ARDIQ_TEST_DIR", str(unused))
    part = os.environ.get("PYTEST_XDIST_WORKER", "")  # of a session whose tests run side by side
    if not path.endswith(part):
        path = os.environ["ARDIQ_TEST_DIR"] = f"{path}-{part}"
    return Path(path)


def make_work_dir() -> Path:
    """Make the directory of this session, unless a parent process has; its maker removes it at exit."""
    path = work_dir()
    if not path.exists():
        path.mkdir()
        path.chmod(0o711)  # databases may run as another user, and pass through
        atexit.register(_remove, path, owner=os.getpid())
    return path


def make_directory(name: str) -> Path:
    return Path(tempfile.mkdtemp(prefix=f"{name}-", dir=make_work_dir()))


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _as_user(name: str | None) -> dict[str, Any]:
    if name is None:
        return {}
    entry = pwd.getpwnam(name)
    return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}


def _remove(path: Path, *, owner: int) -> None:
    if os.getpid() == owner:  # a forked child inherits this duty, and must not do it
        shutil.rmtree(path, ignore_errors=True)
