"""A5, A6, A26: a worker that is stopped past its lease, and wakes when its job has ended, or runs, elsewhere."""

import signal
import time
from typing import Any

from ardiq_django import Job, State, bridge
from drills.ledger import BEGAN
from tests.ring.processes import WorkerProcess, until
from tests.scenarios.stage import Stage, freeze, stop
from tests.scenarios.work import ZOMBIE

CALM_S = 0.1  # for the turn that was under way: a file of SQLite is locked by one who is stopped while he writes


def stalled(stage: Stage, zombie: WorkerProcess, *jobs: Job[Any]) -> None:
    """The zombie runs these, and is stopped."""
    stage.until_begun(*jobs)
    time.sleep(CALM_S)
    freeze(zombie)


def test_one_that_wakes_late_touches_neither_the_end_nor_a_newer_run(stage: Stage) -> None:
    sign = stage.sign("go")
    calls = [(str(sign), "success"), (str(sign), "failure")]
    first = [stage.enqueue("stale", *call) for call in calls]

    with stage.worker(ZOMBIE) as zombie:
        stalled(stage, zombie, *first)
        with stage.worker("healthy") as healthy:
            assert [stage.end_of(job).value for job in first] == ["fresh"] * 2
            stop(healthy)
        before = [stage.snapshot(job).end for job in first[1:]]
        again = stage.enqueue("stale", *calls[0])
        bridge.run(stage.app.pause())  # so that nothing but what is stale is written now
        sign.touch()
        zombie.signal(signal.SIGCONT)
        zombie.hear("lease lost")
        until(lambda: len([entry for entry in stage.ledger.entries if entry.event != BEGAN]) == 4)
        stop(zombie)
    waiting, after = stage.snapshot(again), [stage.snapshot(job).end for job in first[1:]]
    bridge.run(stage.app.resume())
    with stage.worker("third"):
        result = stage.end_of(again)

    assert (again.id, again.created) == (first[0].id, True)
    assert (waiting.state, waiting.end, waiting.crashes) == (State.QUEUED, None, 0)
    assert after == before
    assert (result.success, result.value, result.tries) == (True, "fresh", 1)
    assert [stage.starts(job) for job in first] == [[ZOMBIE, "healthy", "third"], [ZOMBIE, "healthy"]]


def test_one_that_wakes_does_not_take_its_job_back(stage: Stage) -> None:
    sign = stage.sign("go")
    job = stage.enqueue("hold", str(sign))

    with stage.worker(ZOMBIE) as zombie:
        stalled(stage, zombie, job)
        with stage.worker("healthy") as healthy:
            stage.until_begun(job, times=2)
            zombie.signal(signal.SIGCONT)
            zombie.hear("lease lost")
            claim = stage.snapshot(job)
            sign.touch()
            result = stage.end_of(job)
            stop(healthy)
        stop(zombie)

    assert claim.worker == "healthy"
    assert (result.success, [attempt.event for attempt in result.attempts]) == (True, ["crashed"])
    assert stage.starts(job) == [ZOMBIE, "healthy"]
