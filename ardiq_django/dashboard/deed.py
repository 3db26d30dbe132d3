"""What an operator can do to one object of the admin."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise


class Refused(Exception):
    """It was not done; the text says why, to a reader who knows the object."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Deed:
    """A verb with its right. `do` takes the object and raises `Refused`, or an `ArdiqError`, if it was not done."""

    name: str  # in addresses and on record
    label: "str | _StrPromise"  # on the button
    done: "str | _StrPromise"  # the past participle: "paused"
    right: str  # the permission's codename
    do: Callable[[Any], object]
    fits: Callable[[Any], bool] = lambda _: True  # whether the button is shown
    is_grave: bool = False  # asked about before it is done
    for_many: bool = True  # also offered for ticked rows
