"""Redis that outlives the loss of a server: behind sentinels, or as a Cluster with replicas."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

from redis import Redis
from redis.exceptions import RedisError

from tests.redis.servers import SERVICE, Cluster, wait_until
from tests.services import RedisServer

DOWN_AFTER_MS = 2_000  # until a server that does not answer is taken for dead
FAILOVER_MS = 5_000
KEPT = ("--appendonly", "yes", "--appendfsync", "everysec", "--repl-diskless-sync-delay", "0")


class Redundant(ABC):
    """Several servers, of which any one may be killed."""

    @property
    @abstractmethod
    def url(self) -> str:
        """How workers and producers find them."""

    @abstractmethod
    def start(self) -> None:
        """Return once they are whole."""

    @abstractmethod
    def stop(self) -> None:
        """End them all."""

    @abstractmethod
    def owner(self, queue: str) -> RedisServer:
        """The server that keeps the queue just now."""

    @abstractmethod
    def is_whole(self, queue: str) -> bool:
        """Whether the server that keeps the queue may be killed, because another has followed all it has."""


class Watchman(RedisServer):
    """One of the sentinels, two of which must agree."""

    def __init__(self, primary: RedisServer) -> None:
        super().__init__()
        lines = (
            f"port {self.port}",
            "bind 127.0.0.1",
            f"sentinel monitor {SERVICE} 127.0.0.1 {primary.port} 2",
            f"sentinel down-after-milliseconds {SERVICE} {DOWN_AFTER_MS}",
            f"sentinel failover-timeout {SERVICE} {FAILOVER_MS}",
        )
        (self.directory / "sentinel.conf").write_text("\n".join(lines))

    def told(self) -> dict[str, Any]:
        """What it knows of the primary."""
        client: Any = Redis(port=self.port, decode_responses=True)
        with closing(client):
            return dict(client.sentinel_master(SERVICE))

    def _command(self) -> Sequence[str | Path]:
        return (super()._command()[0], self.directory / "sentinel.conf", "--sentinel")


class Sentinels(Redundant):
    """A primary, its replica, and three sentinels."""

    def __init__(self) -> None:
        primary = RedisServer(*KEPT)
        self.servers = [primary, RedisServer(*KEPT, "--replicaof", "127.0.0.1", str(primary.port))]
        self.watchmen = [Watchman(primary) for _ in range(3)]

    @property
    def url(self) -> str:
        return "redis+sentinel://" + ",".join(f"127.0.0.1:{one.port}" for one in self.watchmen) + f"/{SERVICE}/0"

    def start(self) -> None:
        for server in (*self.servers, *self.watchmen):
            server.start()
        wait_until(lambda: all(self._knows_all(one) for one in self.watchmen) and self.is_whole(""))

    def stop(self) -> None:
        for server in (*self.watchmen, *self.servers):
            server.kill()

    def owner(self, queue: str) -> RedisServer:
        port = int(self.watchmen[0].told()["port"])
        return next(server for server in self.servers if server.port == port)

    def is_whole(self, queue: str) -> bool:
        primary = self.owner(queue)
        (replica,) = [server for server in self.servers if server is not primary]
        return all(one.told()["flags"] == "master" for one in self.watchmen) and has_followed(replica, primary)

    def _knows_all(self, watchman: Watchman) -> bool:
        told = watchman.told()
        return (told["num-slaves"], told["num-other-sentinels"]) == (1, 2)


class ReplicatedCluster(Redundant):
    """Three nodes that share the slots, and a replica of each."""

    def __init__(self) -> None:
        self._cluster = Cluster(spares=3)
        for node in self._cluster.nodes:
            node.options += (*KEPT, "--cluster-node-timeout", str(DOWN_AFTER_MS))

    @property
    def url(self) -> str:
        return self._cluster.url

    def start(self) -> None:
        cluster = self._cluster
        cluster.start()
        for replica, primary in zip(cluster.spares, cluster.keepers, strict=True):
            cluster.told(replica, "CLUSTER", "REPLICATE", cluster.name_of(primary))
            wait_until(lambda a=replica, b=primary: has_followed(a, b))  # type: ignore[misc]

    def stop(self) -> None:
        self._cluster.stop()

    def owner(self, queue: str) -> RedisServer:
        return self._cluster.keeper_of(queue)

    def is_whole(self, queue: str) -> bool:
        cluster, primary = self._cluster, self.owner(queue)
        running = [node for node in cluster.nodes if node.is_running]
        states = [cluster.told(node, "CLUSTER", "INFO") for node in running]
        return all("cluster_state:ok" in state for state in states) and any(
            has_followed(node, primary) for node in running if node is not primary
        )


def has_followed(replica: RedisServer, primary: RedisServer) -> bool:
    """Whether it follows this primary, and has all that it had just now."""
    with suppress(RedisError, OSError):
        offset, told = _replication(primary)["master_repl_offset"], _replication(replica)
        is_its_own = told.get("master_port") == primary.port and told.get("master_link_status") == "up"
        return is_its_own and bool(told["slave_repl_offset"] >= offset)
    return False


def _replication(server: RedisServer) -> dict[str, Any]:
    client: Any = Redis(port=server.port, decode_responses=True)
    with closing(client):
        return dict(client.info("replication"))
