"""What the supervisor's processes are given: a seat each, and a leash."""

import os
from pathlib import Path

import pytest

from ardiq_django.process.leash import Leash
from ardiq_django.process.supervisor import Seat


def test_what_a_supervised_process_starts_is_not_supervised(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reading, writing = os.pipe()
    monkeypatch.setattr(os, "environ", Leash(reading, tmp_path / "health").environment)
    os.set_inheritable(reading, True)

    leash, second = Leash.taken(), Leash.taken()

    assert leash == Leash(reading, tmp_path / "health")
    assert second is None
    assert not os.get_inheritable(reading)
    os.close(reading)
    os.close(writing)


def test_a_seat_stays_empty_the_longer_the_more_often_it_failed_soon(tmp_path: Path) -> None:
    seat = Seat(Leash(0, tmp_path))
    rests = [seat.rest_s]

    for code, age_s in [(1, 0.0)] * 8 + [(-9, 11.0), (1, 1.0), (0, 1.0)]:
        seat.note(code, age_s)
        rests.append(seat.rest_s)

    assert rests == [0, 0.5, 1, 2, 4, 8, 16, 30, 30, 0, 0.5, 0]
