"""Why a Redis refuses: the code in its answer, and what that means to whoever runs it."""

import re

from redis.exceptions import (
    AskError,
    AuthenticationError,
    BusyLoadingError,
    ClusterDownError,
    MasterDownError,
    MovedError,
    NoPermissionError,
    OutOfMemoryError,
    ReadOnlyError,
    TryAgainError,
)

# after a failover an address leads elsewhere, but only a new connection does so
ELSEWHERE = ("READONLY", "NOREPLICAS", "MASTERDOWN", "CLUSTERDOWN")
BEING_MOVED = ("ASK", "TRYAGAIN")

_REASONS = {
    "OOM": "it is out of memory (maxmemory), and stores nothing more",
    "MISCONF": "it cannot write its snapshots, and stores nothing more",
    "READONLY": "it is a read-only replica: the address must lead to the primary",
    "MASTERDOWN": "it is a replica without a primary",
    "NOREPLICAS": "it has too few replicas to store anything",
    "LOADING": "it is still loading its data after a start",
    "BUSY": "it is busy with a script that takes too long",
    "NOPERM": "this user may not do that",
    "executing": "this user may not do that",  # said of a command inside a script
    "NOAUTH": "it asks for another user or password than the address has",
    "unauthenticated": "it asks for a user and password",  # said of a command that is too long for strangers
    "MOVED": "it is one node of a Cluster: the address must be redis+cluster://",
    "CLUSTERDOWN": "its Cluster is down",
    "TRYAGAIN": "its part of the Cluster is being moved to another node",
    "ASK": "its part of the Cluster is being moved to another node",
}
_CODES: dict[type[BaseException], str] = {  # whose code the client library takes off the text
    OutOfMemoryError: "OOM",
    ReadOnlyError: "READONLY",
    BusyLoadingError: "LOADING",
    NoPermissionError: "NOPERM",
    AuthenticationError: "NOAUTH",
    MovedError: "MOVED",
    ClusterDownError: "CLUSTERDOWN",
    MasterDownError: "MASTERDOWN",
    TryAgainError: "TRYAGAIN",
    AskError: "ASK",
}


def code_of(error: BaseException) -> str | None:
    """The code by which a server refused; an error inside a script has it anywhere in its text."""
    words = set(re.findall("[A-Za-z]+", str(error)))
    return next((code for code in _REASONS if code in words), _CODES.get(type(error)))


def reason_of(error: BaseException) -> str:
    """The error in words, those of the server among them."""
    text = str(error) or type(error).__name__
    code = code_of(error)
    return f"{_REASONS[code]} ({text})" if code else text
