"""How deep, and how wide, a value may be that travels: what reads it later walks it, and must come to an end."""

from typing import Any

MAX_DEPTH = 64
MAX_NODES = 100_000
_CONTAINERS = frozenset({list, tuple, dict, set, frozenset})
# each container of a packed value begins with one of these; the same bytes may stand for something else
_OPENERS = bytes([*range(0x80, 0xA0), *range(0xDC, 0xE0), *range(0xC7, 0xCA), *range(0xD4, 0xD9)])


def may_be_deep(data: bytes) -> bool:
    """Whether packed bytes can hold more than a small value does: told without reading them."""
    return len(data) > MAX_DEPTH and len(data) - len(data.translate(None, _OPENERS)) > MAX_DEPTH


def may_be_large(data: bytes) -> bool:
    """Whether packed bytes can hold too many values, or too deep ones."""
    return len(data) > MAX_NODES or may_be_deep(data)


def check_shape(value: Any) -> None:
    """Raise `ValueError` for a value with too many others in it, or too deep ones."""
    level, nodes = [value] if type(value) in _CONTAINERS else [], 0
    for _ in range(MAX_DEPTH):
        if not level:
            return
        nodes += sum(map(len, level))
        if nodes > MAX_NODES:
            raise ValueError(f"it holds more than {MAX_NODES:,} values")
        level = [item for one in level for item in _items(one) if type(item) in _CONTAINERS]
    if level:
        raise ValueError(f"it is nested more than {MAX_DEPTH} deep")


def _items(container: Any) -> Any:
    return container.values() if type(container) is dict else container
