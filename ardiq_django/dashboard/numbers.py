"""Numbers as the reader's language writes them."""

from collections.abc import Collection

from django.utils.formats import number_format

from ardiq_django.snapshot import COUNTED_MOST


def written(value: int) -> str:
    """With its thousands apart."""
    return str(number_format(value, use_l10n=True, force_grouping=True))


def counted(value: int) -> str:
    """How many jobs are in a state. The number at which a database stops counting stands for so many or more."""
    return f"{written(value)}+" if value == COUNTED_MOST else written(value)


def summed(counts: Collection[int]) -> int:
    """Of several states or queues: where one of them was not counted to its end, nor is their sum."""
    return COUNTED_MOST if COUNTED_MOST in counts else sum(counts)
