"""The state table against the drawing it comes from."""

from collections.abc import Callable
from typing import get_args

import pytest

from ardiq_django.results import ENDED, State, Status
from ardiq_django.states import REPEATS, TABLE, WAITING, Verb, apply, verb_of
from ardiq_django.stored import broken_job
from ardiq_django.wire import Answer, Delivery, Outcome
from tests.contract.makers import cancelled, failure, released, requeued, retrying, success

# one row for each verb, one column for each state; a dot: nothing happens; gone: the job is no more
DRAWING = """
              scheduled  queued     running    retrying   succeeded  failed     aborted    expired
  promote     queued     .          .          queued     .          .          .          .
  claim       .          running    .          .          .          .          .          .
  succeed     .          .          succeeded  .          .          .          .          .
  fail        .          .          failed     .          .          .          .          .
  retry       .          .          retrying   .          .          .          .          .
  requeue     .          .          scheduled  .          .          .          .          .
  release     .          .          queued     .          .          .          .          .
  cancel      .          .          aborted    .          .          .          .          .
  lapse       .          .          queued     .          .          .          .          .
  bury        .          .          failed     .          .          .          .          .
  abort       aborted    aborted    running    aborted    .          .          already    .
  expire      expired    expired    .          .          .          .          .          .
  replay      .          already    .          .          .          queued     queued     queued
  reschedule  scheduled  scheduled  .          retrying   .          .          .          .
  amend       scheduled  queued     .          retrying   .          .          .          .
  delete      gone       gone       .          gone       gone       gone       gone       gone
"""


def drawn() -> list[tuple[Verb, State, str]]:
    head, *rows = [line.split() for line in DRAWING.strip().splitlines()]
    return [(Verb(verb), State(state), word) for verb, *words in rows for state, word in zip(head, words, strict=True)]


def test_the_drawing_is_complete() -> None:
    assert {(verb, state) for verb, state, _ in drawn()} == {(verb, state) for verb in Verb for state in State}


@pytest.mark.parametrize(("verb", "state", "word"), drawn())
def test_the_table_is_as_drawn(verb: Verb, state: State, word: str) -> None:
    answered = apply(verb, state)

    match word:
        case ".":
            assert answered == (Answer.STALE, state)
        case "already":
            assert answered == (Answer.ALREADY, state)
        case "gone":
            assert answered == (Answer.DONE, None)
        case _:
            assert answered == (Answer.DONE, State(word))


@pytest.mark.parametrize("verb", Verb)
def test_what_is_not_known_is_gone(verb: Verb) -> None:
    assert apply(verb, None) == (Answer.GONE, None)
    assert apply(verb, None, abort_asked=True) == (Answer.GONE, None)


@pytest.mark.parametrize(
    ("verb", "state"),
    [
        (Verb.SUCCEED, State.SUCCEEDED),
        (Verb.FAIL, State.FAILED),
        (Verb.CANCEL, State.ABORTED),
        (Verb.RETRY, State.ABORTED),
        (Verb.REQUEUE, State.ABORTED),
        (Verb.RELEASE, State.ABORTED),
        (Verb.LAPSE, State.ABORTED),
        (Verb.BURY, State.FAILED),
        (Verb.ABORT, State.RUNNING),
    ],
)
def test_a_wish_to_abort_ends_what_would_have_gone_on(verb: Verb, state: State) -> None:
    assert apply(verb, State.RUNNING, abort_asked=True) == (Answer.DONE, state)


@pytest.mark.parametrize(("verb", "state"), [(verb, state) for verb in Verb for state in State])
def test_a_verb_applied_twice_does_not_move_a_job_on(verb: Verb, state: State) -> None:
    _, once = apply(verb, state)

    _, twice = apply(verb, once)

    assert twice == once


def test_an_end_is_left_only_by_replay_or_delete() -> None:
    leaving = {verb for verb, moves in TABLE.items() if ENDED & moves.keys()}

    assert leaving == {Verb.REPLAY, Verb.DELETE}


@pytest.mark.parametrize("state", sorted(set(State) - ENDED))
def test_an_end_can_be_reached_from_everywhere(state: State) -> None:
    reached = {state}
    for _ in State:
        reached |= {after for verb in Verb for before in reached if (after := apply(verb, before)[1]) is not None}

    assert reached >= ENDED


def test_a_job_waits_runs_or_has_ended() -> None:
    assert {*WAITING, State.RUNNING, *ENDED} == set(State)
    assert not {*WAITING, State.RUNNING} & ENDED
    assert {state for state in State if state.ended} == ENDED


def test_a_repeat_is_never_a_move() -> None:
    assert all(not moved & TABLE[verb].keys() for verb, moved in REPEATS.items())


@pytest.mark.parametrize(
    ("make", "verb"),
    [
        (success, Verb.SUCCEED),
        (failure, Verb.FAIL),
        (cancelled, Verb.CANCEL),
        (retrying, Verb.RETRY),
        (requeued, Verb.REQUEUE),
        (released, Verb.RELEASE),
    ],
)
def test_each_outcome_is_an_arrow(make: Callable[[Delivery], Outcome], verb: Verb) -> None:
    outcome = make(Delivery(broken_job("one", b""), claim=1))

    assert verb_of(outcome) is verb


def test_no_outcome_is_without_an_arrow() -> None:
    makers = success, failure, cancelled, retrying, requeued, released
    made = {type(make(Delivery(broken_job("one", b""), claim=1))) for make in makers}

    assert made == set(get_args(Outcome))


@pytest.mark.parametrize(
    ("status", "states"),
    [
        (Status.SCHEDULED, {State.SCHEDULED, State.RETRYING}),
        (Status.QUEUED, {State.QUEUED}),
        (Status.RUNNING, {State.RUNNING}),
        (Status.COMPLETE, ENDED),
        (Status.NOT_FOUND, set()),
    ],
)
def test_each_state_is_one_of_the_five_words(status: Status, states: set[State]) -> None:
    assert {state for state in State if state.status is status} == states
