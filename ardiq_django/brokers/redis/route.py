"""The way to the server that keeps a queue: told by the address, asked of sentinels, or looked up in a Cluster."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any, Protocol

from redis.asyncio.connection import AbstractConnection, Connection, SSLConnection, UnixDomainSocketConnection
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.crc import key_slot
from redis.exceptions import ConnectionError as Disconnected
from redis.exceptions import MovedError, RedisError

from ardiq_django.brokers.redis.address import Address, Node
from ardiq_django.brokers.redis.reasons import reason_of
from ardiq_django.brokers.redis.scripts import Command, Value

CONNECT_TIMEOUT_S = 1.5
QUESTION_TIMEOUT_S = 0.7  # of a sentinel or a node of a Cluster: the next is asked then
_OURS: dict[str, Any] = {
    "socket_timeout": None,  # every call has its own bound
    "socket_connect_timeout": CONNECT_TIMEOUT_S,
    "retry": Retry(NoBackoff(), 0),
    "protocol": 2,
    "decode_responses": False,
    "health_check_interval": 0,
}


class Route(Protocol):
    """Leads to the server of a queue, wherever that is just now. `turns` counts how often that became another: what was
    opened before leads to one that may still answer, although nothing it says counts any more."""

    turns: int

    async def open(self) -> AbstractConnection:
        """A connection to it that is open."""

    def follow(self, error: Exception) -> bool:
        """Whether an answer means that the queue is elsewhere and nothing was done; the next connection leads there."""

    def doubt(self) -> None:
        """Where it led turned out to be of no use: the next time another is asked first, if there are several."""


def route_to(address: Address, key: str) -> Route:
    """The way to the server that keeps this key."""
    match address.scheme.partition("+")[2]:
        case "sentinel":
            return _BySentinels(address)
        case "cluster":
            return _InCluster(address, key)
    return _Direct(address)


class _Direct:
    """The address is the server's own."""

    turns = 0

    def __init__(self, address: Address) -> None:
        self._address = address

    async def open(self) -> AbstractConnection:
        if not self._address.nodes:
            return await _opened(UnixDomainSocketConnection(**self._address.arguments, **_OURS))
        return await _opened(_to(self._address.nodes[0], self._address))

    def follow(self, error: Exception) -> bool:
        return False

    def doubt(self) -> None:
        pass


class _Guides:
    """Those who are asked for the way. Who was right is the first to be asked again, and who was wrong the last: one
    that is cut off from the others names a dead server for ever."""

    def __init__(self, nodes: Iterable[Node]) -> None:
        self._nodes = list(dict.fromkeys(nodes))

    def learn(self, nodes: Iterable[Node]) -> None:
        """There are these, too."""
        self._nodes += [node for node in dict.fromkeys(nodes) if node not in self._nodes]

    def doubt(self) -> None:
        """Ask the one that was right last as the last."""
        self._nodes.append(self._nodes.pop(0))

    async def lead(self, through: Callable[[Node], Awaitable[AbstractConnection]]) -> AbstractConnection:
        """The connection through the first of them that leads to one; raises `Disconnected` with what each said."""
        troubles: list[str] = []
        for node in tuple(self._nodes):
            is_right = False
            try:
                connection = await through(node)
                is_right = True
                return connection
            except TimeoutError:
                troubles.append(f"{node}: no answer in time")
            except (RedisError, OSError) as error:
                troubles.append(f"{node}: {reason_of(error)}")
            finally:  # also if this is cancelled: its time may be over because of this one
                self._nodes.remove(node)
                self._nodes.insert(0 if is_right else len(self._nodes), node)
        raise Disconnected(f"nobody knows a server to use ({'; '.join(troubles)})")


class _Changing:
    """Notices when it leads to another server than before."""

    def __init__(self, address: Address) -> None:
        self._address = address
        self._last: Node | None = None
        self.turns = 0

    def _arrived(self, node: Node) -> None:
        self.turns += self._last not in (None, node)
        self._last = node


class _BySentinels(_Changing):
    """The sentinels know the primary, and are asked each time."""

    def __init__(self, address: Address) -> None:
        super().__init__(address)
        self._sentinels = _Guides(address.nodes)

    async def open(self) -> AbstractConnection:
        return await self._sentinels.lead(self._through)

    async def _through(self, sentinel: Node) -> AbstractConnection:
        node = await self._primary(sentinel)
        connection = await _opened(_to(node, self._address))
        try:
            async with asyncio.timeout(QUESTION_TIMEOUT_S):
                role = await _answer(connection, b"ROLE")
            if role[0] != b"master":
                # right after a failover sentinels may still name the old one
                raise Disconnected(f"{node} is the primary to the sentinels, but {role[0].decode()} to itself")
        except BaseException:
            await connection.disconnect(nowait=True)
            raise
        self._arrived(node)
        return connection

    def follow(self, error: Exception) -> bool:
        return False

    def doubt(self) -> None:
        self._sentinels.doubt()

    async def _primary(self, sentinel: Node) -> Node:
        words = (b"SENTINEL", b"GET-MASTER-ADDR-BY-NAME", self._address.service)
        found = await _told(_to(sentinel, self._address, self._address.sentinel_arguments), *words)
        if found is None:
            raise Disconnected(f"it watches no service {self._address.service!r}")
        return Node(found[0].decode(), int(found[1]))


class _InCluster(_Changing):
    """All keys of a queue have one slot, so one node keeps them all; any node knows which."""

    def __init__(self, address: Address, key: str) -> None:
        super().__init__(address)
        self._slot = key_slot(key.encode())
        self._guides = _Guides(address.nodes)
        self._next: Node | None = None

    async def open(self) -> AbstractConnection:
        node, self._next = self._next, None
        return await (self._opened(node) if node else self._guides.lead(self._through))

    async def _through(self, guide: Node) -> AbstractConnection:
        return await self._opened(await self._keeper(guide))

    async def _opened(self, node: Node) -> AbstractConnection:
        connection = await _opened(_to(node, self._address))
        self._arrived(node)
        return connection

    def follow(self, error: Exception) -> bool:
        text = str(error)
        if not isinstance(error, MovedError) and not text.startswith("MOVED "):  # each of which redis-py has had
            return False
        host, _, port = text.rpartition(" ")[2].rpartition(":")
        # a node may know no name of the other: then all are asked again
        self._next = Node(host, int(port)) if host not in ("", "?") else None
        return True

    def doubt(self) -> None:
        self._guides.doubt()

    async def _keeper(self, asked: Node) -> Node:
        parts = await _told(_to(asked, self._address), b"CLUSTER", b"SLOTS")
        named = {(part[0], part[1]): [_named(node, asked) for node in part[2:]] for part in parts}
        # in case that no node of the address lives any more
        self._guides.learn(node for nodes in named.values() for node in nodes)
        for (first, last), nodes in named.items():
            if first <= self._slot <= last:
                return nodes[0]
        raise Disconnected(f"nobody keeps slot {self._slot}")


def _named(entry: list[Any], asked: Node) -> Node:
    host = (entry[0] or b"").decode()
    return Node(host if host not in ("", "?") else asked.host, int(entry[1]))


def _to(node: Node, address: Address, arguments: Mapping[str, Any] | None = None) -> Connection:
    """A connection that is not open yet, with the arguments of the address or others."""
    kind = SSLConnection if address.is_tls else Connection
    given = address.arguments if arguments is None else arguments
    return kind(host=node.host, port=node.port, socket_keepalive=True, **given, **_OURS)


async def _opened(connection: AbstractConnection) -> AbstractConnection:
    try:
        await connection.connect()  # type: ignore[no-untyped-call]
    except BaseException:
        await connection.disconnect(nowait=True)
        raise
    return connection


async def _answer(connection: AbstractConnection, *words: Value) -> Any:
    await connection.send_packed_command(Command(words).packed(), check_health=False)
    return await connection.read_response(disable_decoding=True)


async def _told(connection: AbstractConnection, *words: Value) -> Any:
    """The answer to one question, on a connection for it alone."""
    async with asyncio.timeout(QUESTION_TIMEOUT_S):
        try:
            return await _answer(await _opened(connection), *words)
        finally:
            await connection.disconnect(nowait=True)
