"""How many workers clear suspects at a time: the rule, as a table."""

import pytest

from ardiq_django.brokers.clearing import Clearing


@pytest.mark.parametrize(
    ("living", "clearing", "draining", "suspects", "idle", "busy"),
    [
        # living, others clearing, others draining, suspects that wait; room for an idle worker, for a busy one
        (1, 0, 0, 1, True, True),
        (3, 0, 0, 9, True, True),
        (3, 0, 1, 9, True, False),
        (3, 1, 0, 9, False, False),
        (4, 1, 0, 9, True, True),
        (4, 1, 1, 9, True, False),
        (4, 0, 2, 9, True, False),
        (4, 2, 0, 9, False, False),
        (9, 0, 1, 1, True, False),
        (9, 0, 1, 2, True, True),
        (9, 0, 0, 0, False, False),
        (2, 3, 0, 9, False, False),  # many have died since
    ],
)
def test_room_is_half_of_the_workers_and_no_more_drain_than_suspects_wait(
    living: int, clearing: int, draining: int, suspects: int, idle: bool, busy: bool
) -> None:
    seen = Clearing(living, clearing, draining, suspects)

    assert (seen.has_room(holds_any=False), seen.has_room(holds_any=True)) == (idle, busy)


@pytest.mark.parametrize("finds_others", [False, True])
@pytest.mark.parametrize(
    ("draining", "clearing", "holds_any", "expected"),
    [
        (None, 0, False, {False: True, True: True}),
        (None, 2, False, {False: False, True: True}),
        (None, 2, True, {False: False, True: True}),
        (True, 0, True, {False: False, True: False}),  # it drains
        (True, 2, True, {False: False, True: True}),  # it is one too many
        (True, 2, False, {False: True, True: True}),
        (False, 0, True, {False: False, True: False}),  # it clears
        (False, 2, False, {False: True, True: True}),
    ],
)
def test_who_can_get_nothing_sleeps(
    draining: bool | None, clearing: int, holds_any: bool, expected: dict[bool, bool], finds_others: bool
) -> None:
    seen = Clearing(4, clearing, 0, 9)

    is_worth_it = seen.is_worth_a_turn(draining, holds_any=holds_any, finds_others=finds_others)

    assert is_worth_it is expected[finds_others]
