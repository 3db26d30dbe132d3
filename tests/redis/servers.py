"""Servers of the more demanding kinds: with TLS, watched by a sentinel, or together in a Cluster."""

import random
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any, Protocol, TypeVar

from redis import Redis
from redis.crc import key_slot
from redis.exceptions import RedisError, ResponseError

from tests.services import START_TIMEOUT_S, STOP_TIMEOUT_S, RedisServer, ServerBroken

Started = TypeVar("Started", bound="Startable")
SLOTS = 16_384
SERVICE = "jobs"


class Startable(Protocol):
    """One server, or several."""

    def start(self) -> None: ...

    def stop(self) -> None: ...


class Certificates:
    """An authority of the test's own, and a certificate of it for servers and clients on 127.0.0.1."""

    def __init__(self, directory: Path) -> None:
        self.authority = directory / "ca.pem"
        self.certificate = directory / "own.pem"
        self.key = directory / "own.key"
        ca_key, request, names = directory / "ca.key", directory / "own.csr", directory / "names"
        names.write_text("subjectAltName=IP:127.0.0.1\nauthorityKeyIdentifier=keyid\n")
        new = ("req", "-newkey", "rsa:2048", "-nodes")
        # from Python 3.13 on a client wants both: the use of the authority's key, and which key has signed
        use = ("-addext", "keyUsage=critical,keyCertSign")
        openssl(*new, "-x509", *use, "-days", "1", "-subj", "/CN=ours", "-keyout", ca_key, "-out", self.authority)
        openssl(*new, "-subj", "/CN=127.0.0.1", "-keyout", self.key, "-out", request)
        signed_by = ("-CA", self.authority, "-CAkey", ca_key, "-CAcreateserial", "-days", "1", "-extfile", names)
        openssl("x509", "-req", "-in", request, *signed_by, "-out", self.certificate)

    @property
    def query(self) -> str:
        return f"ssl_ca_certs={self.authority}&ssl_certfile={self.certificate}&ssl_keyfile={self.key}"


def openssl(*args: str | Path) -> None:
    subprocess.run(["openssl", *args], check=True, capture_output=True)  # noqa: S607


class TlsServer(RedisServer):
    """It speaks nothing but TLS, and only with clients that have a certificate."""

    def __init__(self, certificates: Certificates, *options: str) -> None:
        files = ("--tls-cert-file", certificates.certificate, "--tls-key-file", certificates.key)
        options = (*map(str, files), "--tls-ca-cert-file", str(certificates.authority), *options)
        super().__init__(*options)
        self.certificates = certificates

    @property
    def lacks_tls(self) -> bool:
        """Whether the program was built without it."""
        said = self._log_tail()
        return "Bad directive" in said or "Failed finding TLS support" in said

    @property
    def url(self) -> str:
        return f"rediss://127.0.0.1:{self.port}/0?{self.certificates.query}"

    def answers(self) -> bool:
        plain = f"rediss://127.0.0.1:{self.port}?{self.certificates.query}"
        try:
            with closing(Redis.from_url(plain, socket_timeout=STOP_TIMEOUT_S)) as client:
                return bool(client.ping())
        except (RedisError, OSError):
            return False

    def _command(self) -> Sequence[str | Path]:
        program, _, _, *rest = super()._command()
        return (program, "--port", "0", "--tls-port", str(self.port), *rest)


class Sentinel(RedisServer):
    """Watches one primary, and puts a replica in its place when that is away; asks for a password as they do."""

    def __init__(self, primary: RedisServer, primary_password: str, password: str, quorum: int = 1) -> None:
        super().__init__()
        self.password = password
        lines = (
            f"port {self.port}",
            "bind 127.0.0.1",
            f"requirepass {password}",
            f"sentinel monitor {SERVICE} 127.0.0.1 {primary.port} {quorum}",
            f"sentinel auth-pass {SERVICE} {primary_password}",
            f"sentinel down-after-milliseconds {SERVICE} 500",
            f"sentinel failover-timeout {SERVICE} 4000",
        )
        (self.directory / "sentinel.conf").write_text("\n".join(lines))

    def wait_for_replica(self) -> None:
        """Return once it has another to put in the primary's place."""
        with closing(self.administer()) as client:
            with suppress(ResponseError):  # before Redis 7 it takes its time over a primary that came back
                client.execute_command("SENTINEL", "DEBUG", "PUBLISH-PERIOD", 100, "INFO-PERIOD", 500)
            wait_until(lambda: any(not one["is_sdown"] for one in client.sentinel_slaves(SERVICE)))

    def fail_over(self) -> None:
        """Put the replica in the primary's place, as soon as the sentinel has seen that it can."""

        def agrees() -> bool:
            with closing(self.administer()) as client, suppress(ResponseError):
                return bool(client.execute_command("SENTINEL", "FAILOVER", SERVICE))
            return False

        wait_until(agrees)

    def administer(self) -> Any:
        """A client of the sentinel itself."""
        return Redis(port=self.port, password=self.password, decode_responses=True)

    def _command(self) -> Sequence[str | Path]:
        program = super()._command()[0]
        return (program, self.directory / "sentinel.conf", "--sentinel")


class TlsSentinel(TlsServer):
    """Watches one primary, through TLS alone."""

    def __init__(self, primary: TlsServer) -> None:
        super().__init__(primary.certificates)
        files = zip(self.options[::2], self.options[1::2], strict=True)
        lines = [f"{name.removeprefix('--')} {value}" for name, value in files]
        lines += [f"port 0\ntls-port {self.port}\ntls-replication yes\nbind 127.0.0.1"]
        lines += [f"sentinel monitor {SERVICE} 127.0.0.1 {primary.port} 1"]
        (self.directory / "sentinel.conf").write_text("\n".join(lines))

    @property
    def url(self) -> str:
        return f"rediss+sentinel://127.0.0.1:{self.port}/{SERVICE}?{self.certificates.query}"

    def _command(self) -> Sequence[str | Path]:
        return (super()._command()[0], self.directory / "sentinel.conf", "--sentinel")


class ClusterNode(RedisServer):
    """It speaks with the other nodes on another port, 10,000 above its own."""

    def __init__(self) -> None:
        super().__init__("--cluster-enabled", "yes", "--cluster-node-timeout", "1000")
        self.port = low_port()


class Cluster:
    """Three nodes that share the slots, and one more or several that keep none."""

    def __init__(self, spares: int = 1) -> None:
        self.nodes = [ClusterNode() for _ in range(3 + spares)]
        self.keepers, self.spares = self.nodes[:3], self.nodes[3:]
        self.spare = self.spares[0]

    @property
    def url(self) -> str:
        return "redis+cluster://" + ",".join(f"127.0.0.1:{node.port}" for node in self.nodes)

    def start(self) -> None:
        for node in self.nodes:
            node.start()
        bounds = [round(part * SLOTS / len(self.keepers)) for part in range(len(self.keepers) + 1)]
        for i, node in enumerate(self.keepers):
            self.told(node, "CLUSTER", "ADDSLOTS", *range(bounds[i], bounds[i + 1]))
        for i, node in enumerate(self.nodes):
            self.told(node, "CLUSTER", "SET-CONFIG-EPOCH", i + 1)
        for node in self.nodes[1:]:
            self.told(self.nodes[0], "CLUSTER", "MEET", "127.0.0.1", node.port)
        wait_until(lambda: all(self._knows_all(node) for node in self.nodes))

    def stop(self) -> None:
        for node in self.nodes:
            node.kill()

    def told(self, node: RedisServer, *words: Any) -> Any:
        client: Any = Redis(port=node.port, decode_responses=True)
        with closing(client):
            return client.execute_command(*words)

    def name_of(self, node: RedisServer) -> str:
        return str(self.told(node, "CLUSTER", "MYID"))

    def keeper_of(self, queue: str) -> RedisServer:
        """The node that keeps a queue."""
        slot = slot_of(queue)
        (port,) = (
            primary[1]
            for first, last, primary, *_ in self.told(self._any_node, "CLUSTER", "SLOTS")
            if first <= slot <= last
        )
        return next(node for node in self.nodes if node.port == port)

    @property
    def _any_node(self) -> RedisServer:
        return next(node for node in self.nodes if node.is_running)

    def has_followed(self, replica: RedisServer, primary: RedisServer) -> bool:
        """Whether it has all that its primary had just now. (WAIT speaks of the writes of its own connection alone.)"""
        offset = self.told(primary, "INFO", "replication")["master_repl_offset"]
        told = self.told(replica, "INFO", "replication")
        return told.get("master_link_status") == "up" and bool(told["slave_repl_offset"] >= offset)

    def move(self, queue: str, to: RedisServer) -> None:
        """Move a queue, with all it has, to another node, as `redis-cli --cluster reshard` does."""
        with self.moving(queue, to):
            pass

    @contextmanager
    def moving(self, queue: str, to: RedisServer) -> Iterator[None]:
        """The same; during the block half of what the queue had is at the other node, and nothing comes to either."""
        slot, origin = slot_of(queue), self.keeper_of(queue)
        self.told(to, "CLUSTER", "SETSLOT", slot, "IMPORTING", self.name_of(origin))
        self.told(origin, "CLUSTER", "SETSLOT", slot, "MIGRATING", self.name_of(to))
        half = self.told(origin, "CLUSTER", "COUNTKEYSINSLOT", slot) // 2
        self._migrate(slot, origin, to, half)
        yield
        while self._migrate(slot, origin, to, 100):
            pass
        for node in (to, origin):
            self.told(node, "CLUSTER", "SETSLOT", slot, "NODE", self.name_of(to))

    def _migrate(self, slot: int, origin: RedisServer, to: RedisServer, most: int) -> bool:
        keys = self.told(origin, "CLUSTER", "GETKEYSINSLOT", slot, most)
        if keys:
            self.told(origin, "MIGRATE", "127.0.0.1", to.port, "", 0, 5000, "KEYS", *keys)
        return bool(keys)

    def _knows_all(self, node: RedisServer) -> bool:
        said = self.told(node, "CLUSTER", "INFO").split()
        return "cluster_state:ok" in said and f"cluster_known_nodes:{len(self.nodes)}" in said


@contextmanager
def running(server: Started) -> Iterator[Started]:
    """Have servers run until the block ends."""
    try:
        server.start()
        yield server
    finally:
        server.stop()


def wait_until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + START_TIMEOUT_S
    while not holds():
        if time.monotonic() > deadline:
            raise ServerBroken("the servers did not find one another")
        time.sleep(0.01)


def low_port() -> int:
    """A free port of a node, whose other port is free as well; both are below those the system gives to clients."""
    return next(port for port in iter(lambda: random.randrange(20_000, 22_000), 0) if is_free(port, port + 10_000))


def is_free(*ports: int) -> bool:
    for port in ports:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return False
    return True


def slot_of(queue: str) -> int:
    return key_slot(f"ardiq:{{{queue}}}:".encode())
