"""What an operator can do to objects of the admin."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ardiq_django.exceptions import ArdiqError

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise

Many = Callable[[Sequence[Any]], Sequence[str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Deed:
    """A verb with its right. `do` takes objects and gives a word for each: "" where it was done, else the reason why
    it was not; an `ArdiqError` that it raises is the reason for all of them."""

    name: str  # in addresses and on record
    label: "str | _StrPromise"  # on the button
    done: "str | _StrPromise"  # the past participle: "paused"
    right: str  # the permission's codename
    do: Many
    fits: Callable[[Any], bool] = lambda _: True  # whether the button is shown
    is_grave: bool = False  # asked about before it is done
    for_many: bool = True  # also offered for ticked rows
    warning: Callable[[Sequence[Any]], str] = lambda _: ""  # what the question before it says of these objects

    def reasons(self, objects: Sequence[Any]) -> Sequence[str]:
        """Do it; the reasons why it was not done, "" where it was."""
        try:
            return self.do(objects)
        except ArdiqError as error:
            return [str(error)] * len(objects)


def each(do: Callable[[Any], object]) -> Many:
    """One after the other, each by itself; what raises an `ArdiqError` was not done."""

    def done(obj: Any) -> str:
        try:
            do(obj)
        except ArdiqError as error:
            return str(error)
        return ""

    return lambda objects: [done(obj) for obj in objects]
