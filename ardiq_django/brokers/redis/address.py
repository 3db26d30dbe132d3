"""Addresses of a Redis: what their text says, and a clear word about every wrong one."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any
from urllib.parse import parse_qsl, quote, unquote, urlencode

from ardiq_django.exceptions import ConfigError
from ardiq_django.validation import masked

PORT = 6379
SENTINEL_PORT = 26379
_EXAMPLES = {
    "redis": "redis://user:password@host:6379/0",
    "rediss": "rediss://user:password@host:6379/0?ssl_ca_certs=/path/ca.pem",
    "unix": "unix:///path/redis.sock?db=0",
    "redis+sentinel": "redis+sentinel://host:26379,host:26379/service/0",
    "rediss+sentinel": "rediss+sentinel://host:26379,host:26379/service/0",
    "redis+cluster": "redis+cluster://host:6379,host:6379",
    "rediss+cluster": "rediss+cluster://host:6379,host:6379",
}
_NODE = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[^\s:\[\]@,]+)(?::([0-9]{1,5}))?")
_CERTIFICATES = {None: "none", 0: "none", 1: "optional", 2: "required"}  # as Python and redis-py name them


@dataclass(frozen=True, slots=True)
class Node:
    """Where one server listens."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Address:
    """What an address says. `nodes` are the server, the sentinels, or some of the Cluster; a socket has none."""

    scheme: str
    nodes: tuple[Node, ...]
    arguments: Mapping[str, Any]  # of the connections to the server, as redis-py names them
    sentinel_arguments: Mapping[str, Any] = field(default_factory=dict)
    service: str = ""

    @property
    def is_tls(self) -> bool:
        return self.scheme.startswith("rediss")


class _Wrong(Exception):
    """What is wrong with an address, in words that hold none of its secrets."""


def parse(text: str) -> Address:
    """What an address says; raises `ConfigError`, which shows the address without passwords, if it is wrong."""
    scheme, _, rest = text.partition("://")
    where, _, query = rest.partition("?")
    try:
        return _read_socket(where, query) if scheme == "unix" else _read_servers(scheme, where, query)
    except _Wrong as wrong:
        example = _EXAMPLES.get(scheme, _EXAMPLES["redis"])
        raise ConfigError(f"broker address {masked(text)!r}: {wrong}. It should look like {example}") from None


def filled(text: str, defaults: Mapping[str, Any]) -> str:
    """The address with these options wherever it does not speak for itself. What is no option of ours is left out of
    both: how another client is tuned says nothing of where the server is."""
    head, _, query = text.partition("?")
    scheme, _, where = head.partition("://")
    user, _, path = _parts_of(where)
    said = {**user, "db": "" if scheme == "unix" else path}
    options = {name: _as_text(name, value) for name, value in defaults.items() if not said.get(name)}
    options |= dict(parse_qsl(query))
    chosen = {name: options[name] for name in _options_of(scheme) if options.get(name)}
    return f"{head}?{urlencode(chosen, quote_via=quote)}" if chosen else head


def _as_text(name: str, value: Any) -> str:
    if name == "ssl_cert_reqs":
        return str(_CERTIFICATES.get(value, value))
    return "" if value is None else str(value)


def _parts_of(where: str) -> tuple[dict[str, str], str, str]:
    netloc, _, path = where.partition("/")
    user, _, hosts = netloc.rpartition("@")
    name, _, password = user.partition(":")
    said = {"username": unquote(name), "password": unquote(password)}
    return {key: value for key, value in said.items() if value}, hosts, unquote(path).strip("/")


def _read_socket(where: str, query: str) -> Address:
    user, _, path = _parts_of(where)
    if not path:
        raise _Wrong("it names no socket")
    return Address("unix", (), {**_options("unix", query), **user, "path": f"/{path}"})


def _read_servers(scheme: str, where: str, query: str) -> Address:
    kind = scheme.partition("+")[2]
    user, hosts, path = _parts_of(where)
    nodes, service = _nodes(hosts, kind), ""
    options = {**_options(scheme, query), **user}
    if kind == "sentinel":
        service, _, path = path.partition("/")
        if not service:
            raise _Wrong("it names no service after the sentinels")
    if path:
        options.setdefault("db", _number("the database", path))
    if kind == "cluster" and options.get("db"):
        raise _Wrong("a Cluster has no database but 0")
    return Address(scheme, nodes, *_shared_out(options), service)


def _shared_out(options: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The options of the connections to the server, and of those to sentinels."""
    ours = {name: value for name, value in options.items() if not name.startswith("sentinel_")}
    theirs = {name: value for name, value in options.items() if name.startswith("ssl_")}
    theirs |= {name[9:]: value for name, value in options.items() if name not in ours}
    return ours, theirs


def _nodes(hosts: str, kind: str) -> tuple[Node, ...]:
    if not hosts and not kind:
        return (Node("localhost", PORT),)
    if "," in hosts and not kind:
        raise _Wrong("only sentinels and a Cluster are named by several hosts")
    return tuple(_node(part, SENTINEL_PORT if kind == "sentinel" else PORT) for part in hosts.split(","))


def _node(text: str, usual: int) -> Node:
    if not text:
        raise _Wrong("it names no host, or ends in a comma")
    found = _NODE.fullmatch(unquote(text))
    if not found or not 0 < int(found[2] or usual) < 65_536:
        # the text is not shown: what stands before a stray / or ? may be half a password
        escapes = "in user and password write / as %2F, ? as %3F, @ as %40"
        raise _Wrong(f"a host is a name or a number, a port a number from 1 to 65535, and {escapes}")
    return Node(found[1].strip("[]"), int(found[2] or usual))


def _options(scheme: str, query: str) -> dict[str, Any]:
    known = _options_of(scheme)
    given: dict[str, Any] = {}
    for name, value in parse_qsl(query, keep_blank_values=True):
        if name not in known:
            raise _Wrong(_unknown(name, scheme, known))
        given[name] = known[name](name, value)
    return given


def _unknown(name: str, scheme: str, known: Mapping[str, Any]) -> str:
    if name in _TLS_OPTIONS:
        return f"{name} is for TLS, which {scheme}:// is not"
    near = get_close_matches(name, known, 1)
    meant = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(sorted(known))}"
    return f"it has no option {name!r}; {meant}"


def _text(name: str, value: str) -> str:
    return value


def _number(name: str, value: str) -> int:
    if not re.fullmatch("[0-9]{1,9}", value):
        raise _Wrong(f"{name} is not a whole number")
    return int(value)


def _flag(name: str, value: str) -> bool:
    if value.lower() not in ("true", "yes", "1", "false", "no", "0"):
        raise _Wrong(f"{name}={value!r} is neither true nor false")
    return value.lower() in ("true", "yes", "1")


def _strictness(name: str, value: str) -> str:
    if value not in _CERTIFICATES.values():
        raise _Wrong(f"{name}={value!r} is none of none, optional, required")
    return value


_Reader = Callable[[str, str], Any]
_OPTIONS: dict[str, _Reader] = {"username": _text, "password": _text, "db": _number, "client_name": _text}
_SENTINEL_OPTIONS: dict[str, _Reader] = {"sentinel_username": _text, "sentinel_password": _text}
_TLS_OPTIONS: dict[str, _Reader] = {  # those that every redis-py from 6.0 on knows
    "ssl_ca_certs": _text,
    "ssl_ca_data": _text,
    "ssl_certfile": _text,
    "ssl_keyfile": _text,
    "ssl_cert_reqs": _strictness,
    "ssl_check_hostname": _flag,
    "ssl_min_version": _number,
    "ssl_ciphers": _text,
}


def _options_of(scheme: str) -> dict[str, _Reader]:
    tls = _TLS_OPTIONS if scheme.startswith("rediss") else {}
    sentinel = _SENTINEL_OPTIONS if scheme.endswith("+sentinel") else {}
    return _OPTIONS | tls | sentinel
