"""What callers read: the result of a finished job and a look at an unfinished one."""

from typing import Any

import pytest

from ardiq_django import State, Status, TaskFailed, TaskInfo, TaskResult
from ardiq_django.codec import decode, encode
from ardiq_django.reading import info_of, progress_of, result_of, status_of
from ardiq_django.results import Attempt, Progress
from ardiq_django.snapshot import Snapshot
from ardiq_django.wire import End, StagedJob

NOW_MS = 1_000_000
JOB = StagedJob(1, "id", "add", "default", encode([[1], {"b": 2}]), 500, labels={"tenant": 7})
FAILURE = Attempt(2, "failed", 600, 650, "w", "ValueError", "no", "Traceback: no")


def ended(state: State, ttl_ms: int = 1_000, finish_ms: int = NOW_MS, **fields: Any) -> Snapshot:
    attempts = fields.pop("attempts", ())
    end = End(state, 2, 0, 600, finish_ms, "w", "e.1", ttl_ms, **fields)
    return Snapshot(JOB, state, NOW_MS, end=end, attempts=attempts)


def waiting(state: State, **fields: Any) -> Snapshot:
    return Snapshot(JOB, state, NOW_MS, **fields)


def test_a_result_unpacks_to_six_and_compares_as_a_tuple() -> None:
    result = TaskResult(True, "v", 1, 10, 20, 1_520)

    success, value, tries, enqueue_time, start, finish = result

    assert (success, value, tries, enqueue_time, start, finish) == (True, "v", 1, 10, 20, 1_520)
    assert tuple(result) == (True, "v", 1, 10, 20, 1_520)
    assert isinstance(result, tuple)
    assert len(result) == 6
    assert (result.duration_ms, result.execution_time) == (1_500, 1.5)
    assert (result.state, result.aborted, result.expired, result.error) == (State.SUCCEEDED, False, False, None)
    assert (result.labels, result.attempts) == ({}, ())


def test_a_clock_that_went_back_makes_no_negative_duration() -> None:
    assert TaskResult(True, None, 1, 0, 50, 20).duration_ms == 0


def test_a_success_raises_nothing_and_a_failure_what_was_recorded() -> None:
    TaskResult(True, None, 1, 0, 0, 0).raise_for_error()

    with pytest.raises(TaskFailed, match=r"ValueError\('no'\)"):
        TaskResult(False, "ValueError('no')", 1, 0, 0, 0).raise_for_error()


@pytest.mark.parametrize(
    ("state", "status"),
    [
        (State.SCHEDULED, Status.SCHEDULED),
        (State.RETRYING, Status.SCHEDULED),
        (State.QUEUED, Status.QUEUED),
        (State.RUNNING, Status.RUNNING),
        (State.SUCCEEDED, Status.COMPLETE),
        (State.FAILED, Status.COMPLETE),
        (State.ABORTED, Status.COMPLETE),
        (State.EXPIRED, Status.COMPLETE),
    ],
)
def test_every_state_has_one_of_five_words(state: State, status: Status) -> None:
    assert status_of(waiting(state)) is status
    assert status_of(None) is Status.NOT_FOUND


def test_a_success_carries_its_decoded_value() -> None:
    result = result_of(ended(State.SUCCEEDED, value=encode((1, "a"))), decode)

    assert result is not None
    assert tuple(result) == (True, (1, "a"), 2, 500, 600, NOW_MS)
    assert (result.labels, result.error) == ({"tenant": 7}, None)


@pytest.mark.parametrize(
    ("state", "aborted", "expired", "error"),
    [
        (State.FAILED, False, False, FAILURE),
        (State.ABORTED, True, False, FAILURE),
        (State.EXPIRED, False, True, None),  # the attempt was one of an earlier run
    ],
)
def test_every_other_end_carries_its_reason(state: State, aborted: bool, expired: bool, error: Attempt | None) -> None:
    result = result_of(ended(state, reason="because", attempts=[FAILURE]), decode)

    assert result is not None
    assert (result.success, result.value) == (False, "because")
    assert (result.aborted, result.expired) == (aborted, expired)
    assert result.error == error
    with pytest.raises(TaskFailed, match="because"):
        result.raise_for_error()


def test_a_success_after_failures_shows_them_and_has_no_error() -> None:
    result = result_of(ended(State.SUCCEEDED, attempts=[FAILURE]), decode)

    assert result is not None
    assert (result.attempts, result.error) == ((FAILURE,), None)


@pytest.mark.parametrize(
    ("ttl_ms", "age_ms", "shown"),
    [(1_000, 0, True), (1_000, 999, True), (1_000, 1_000, False), (0, 0, False), (-1, 10**9, True)],
)
def test_a_result_is_shown_for_as_long_as_was_asked(ttl_ms: int, age_ms: int, shown: bool) -> None:
    snapshot = ended(State.SUCCEEDED, ttl_ms=ttl_ms, finish_ms=NOW_MS - age_ms)

    assert (result_of(snapshot, decode) is not None) is shown


@pytest.mark.parametrize("state", [State.QUEUED, State.SCHEDULED, State.RETRYING, State.RUNNING])
def test_there_is_no_result_before_the_end_and_no_info_after_it(state: State) -> None:
    assert result_of(waiting(state), decode) is None
    assert info_of(waiting(state), decode) is not None
    assert info_of(ended(State.SUCCEEDED), decode) is None
    assert (result_of(None, decode), info_of(None, decode)) == (None, None)


def test_a_window_that_is_over_reads_as_expired_before_its_end_is_written() -> None:
    result = result_of(waiting(State.EXPIRED, expires_ms=900), decode)

    assert result is not None
    assert (result.expired, result.finish) == (True, 900)


@pytest.mark.parametrize(
    ("state", "tries", "seen", "due"),
    [
        (State.QUEUED, 0, 0, None),
        (State.RUNNING, 1, 2, None),
        (State.SCHEDULED, 0, 0, 7_000),
        (State.RETRYING, 1, 1, 7_000),
    ],
)
def test_info_shows_the_call_and_the_tries(state: State, tries: int, seen: int, due: int | None) -> None:
    info = info_of(waiting(state, tries=tries, due_ms=7_000), decode)

    assert info == TaskInfo("id", "add", (1,), {"b": 2}, 500, seen, state.status, due)


def test_info_of_a_call_that_cannot_be_decoded_says_so() -> None:
    broken = StagedJob(1, "id", "add", "default", b"\xc1", 500)

    with pytest.raises(ValueError, match="the arguments of job 'id' cannot be decoded"):
        info_of(Snapshot(broken, State.QUEUED, NOW_MS), decode)


def test_progress_is_there_once_it_was_told() -> None:
    assert progress_of(None) is None
    assert progress_of(waiting(State.RUNNING)) is None
    assert progress_of(waiting(State.RUNNING, progress=(3, 10, "rows"))) == Progress(3, 10, "rows")
