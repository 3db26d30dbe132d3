"""Checks of single values that users write: each raises an error that names the value and what would be right."""

import difflib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from typing import Any

from ardiq_django.clock import LATEST_MS, LONGEST_MS
from ardiq_django.exceptions import ConfigError
from ardiq_django.shape import check_shape
from ardiq_django.wire import pack

NAME = re.compile(r"[A-Za-z0-9_.-]{1,64}")
SECRET = re.compile("api|auth|token|key|secret|pass|signature|cookie", re.IGNORECASE)  # as Django's error pages have it
MAX_ID_BYTES = 200
MAX_TITLE_BYTES = 180
RESERVED_IDS = ("cron:", "unique:")


def known_keywords(owner: type, given: Iterable[str], what: str) -> None:
    """Raise `TypeError` for the first keyword that `owner` (a dataclass) does not know, naming the nearest one."""
    known = [item.name for item in fields(owner)]
    for name in given:
        if name not in known:
            near = difflib.get_close_matches(name, known, 1)
            meant = f" Did you mean {near[0]!r}?" if near else f" Known: {', '.join(known)}."
            raise TypeError(f"{what} has no option {name!r}.{meant}")


def check_name(option: str, value: Any) -> None:
    """Queue and lane names: 1 to 64 letters, digits, `_`, `.` or `-`."""
    if not isinstance(value, str) or not NAME.fullmatch(value):
        raise ConfigError(f"{option}={value!r}: a name is 1 to 64 letters, digits, '_', '.' or '-'")


def check_title(option: str, value: Any) -> None:
    """Names of tasks and workers: any text up to 180 bytes, so that `cron:<name>:<time>` is an id."""
    if not isinstance(value, str) or not 0 < _storable_bytes(value) <= MAX_TITLE_BYTES:
        raise ConfigError(f"{option}={value!r}: give a text of 1 to {MAX_TITLE_BYTES} bytes, without NUL")


def check_id(task_id: Any) -> None:
    """A caller's own job id: any text up to 200 bytes that does not begin with a reserved word."""
    if not isinstance(task_id, str) or not 0 < _storable_bytes(task_id) <= MAX_ID_BYTES:
        raise ConfigError(f"task_id={task_id!r}: an id is a text of 1 to {MAX_ID_BYTES} bytes, without NUL")
    if task_id.startswith(RESERVED_IDS):
        raise ConfigError(f"task_id={task_id!r}: ids beginning with {' or '.join(RESERVED_IDS)} are reserved")


def _storable_bytes(text: str) -> int:
    """The length of a text in UTF-8; 0 if no store takes it."""
    try:
        return 0 if "\x00" in text else len(text.encode())
    except UnicodeEncodeError:
        return 0


def check_number(
    option: str, value: Any, least: float, kinds: tuple[type, ...] = (int,), most: float = float("inf")
) -> None:
    """A number of one of the kinds, within its bounds; a bool is none."""
    wanted = "a whole number" if kinds == (int,) else "a number"
    # written so that NaN, which is in no order, is refused
    if isinstance(value, bool) or not isinstance(value, kinds) or not value >= least:  # type: ignore[operator]
        raise ConfigError(f"{option}={value!r}: give {wanted} of at least {least}")
    if value > most:  # type: ignore[operator]
        raise ConfigError(f"{option}={value!r}: give {wanted} of at most {most}")


def check_wait(option: str, value: Any) -> None:
    """Milliseconds that lead to a time which a calendar can show."""
    check_number(option, value, least=0, most=LATEST_MS if option == "schedule_ms" else LONGEST_MS)


def check_choice(option: str, value: Any, choices: Sequence[str]) -> None:
    """One of a few words."""
    if value not in choices:
        raise ConfigError(f"{option}={value!r}: give one of {', '.join(map(repr, choices))}")


def check_flag(option: str, value: Any) -> None:
    """True or False."""
    if not isinstance(value, bool):
        raise ConfigError(f"{option}={value!r}: give True or False")


def check_text(option: str, value: Any, what: str = "a text") -> None:
    """A text, or None where nothing was said."""
    if value is not None and (not isinstance(value, str) or not value):
        raise ConfigError(f"{option}={value!r}: give {what}")


def check_function(option: str, value: Any) -> None:
    """Something to call, or None where nothing was said."""
    if value is not None and not callable(value):
        raise ConfigError(f"{option}={value!r}: give a function")


def check_mapping(option: str, value: Any) -> Mapping[Any, Any]:
    """A dictionary."""
    if not isinstance(value, Mapping):
        raise ConfigError(f"{option}={value!r}: give a dictionary")
    return value


def check_names(option: str, value: Any) -> None:
    """A list of texts, and not one text alone."""
    if isinstance(value, str) or not isinstance(value, Sequence) or not all(isinstance(name, str) for name in value):
        raise ConfigError(f"{option}={value!r}: give a list of argument names")


def check_errors(option: str, value: Any) -> None:
    """What `isinstance` takes: an exception class, or a tuple of them."""
    given = value if isinstance(value, tuple) else (value,)
    if not all(isinstance(error, type) and issubclass(error, BaseException) for error in given):
        raise ConfigError(f"{option}={value!r}: give an exception class, or a tuple of them")


def check_labels(labels: Any) -> None:
    """A dictionary with texts for keys, whose values travel beside the arguments."""
    for name in check_mapping("labels", labels):
        if not isinstance(name, str):
            raise ConfigError(f"labels={labels!r}: a label has a text for its name, not {name!r}")
    try:
        pack(labels if isinstance(labels, dict) else dict(labels))
        check_shape(dict(labels))
    except (TypeError, ValueError, OverflowError, RecursionError) as error:
        raise ConfigError(f"labels={labels!r} cannot be carried: {error}") from error


def check_backoff(option: str, value: Any) -> None:
    """A base, a ladder of waits, or a callable."""
    if callable(value):
        return
    if isinstance(value, Sequence) and not isinstance(value, str):
        if not value:
            raise ConfigError(f"{option}=[]: a ladder needs at least one wait")
        for wait in value:
            check_wait(option, wait)
        return
    check_wait(option, value)


def masked(address: str) -> str:
    """A broker address without its passwords, for logs and messages; of one that is not well-formed rather too much
    is hidden than too little."""
    shown = re.sub(r"(?i)(pass[^=&/@]*=)[^&]*", r"\1***", address)
    shown = re.sub(r"(://[^:/@]*:|^[^:/@]*:(?!//)).*@", r"\1***@", shown)
    is_plain = re.match(r"[^:]*(://[^:/@?]*(:\*\*\*)?|:\*\*\*)@[^@]*$", shown)
    return shown if is_plain or "@" not in shown else re.sub(r"^([^:]*://)?.*@", r"\1***@", shown)
