"""A3, A4: a stop that takes longer than the lease, with jobs that wait and another worker that is free."""

import signal

from tests.ring.processes import until
from tests.scenarios.stage import LEASE_MS, Stage, stop


def test_neither_what_runs_nor_what_waits_when_a_worker_is_stopped_begins_twice(stage: Stage) -> None:
    long, sign = 2 * LEASE_MS / 1000, stage.sign("go")
    running = [stage.enqueue("steady", long), stage.enqueue("hold_in_thread", str(sign))]
    with stage.worker("leaving", concurrency=2) as leaving, stage.worker("staying", concurrency=12) as staying:
        stage.until_begun(*running)
        waiting = [stage.enqueue("steady", long) for _ in range(4)]
        leaving.signal(signal.SIGTERM)
        leaving.hear("worker stops")
        results = [stage.end_of(job) for job in waiting]
        sign.touch()
        code, said = leaving.ended()
        results += [stage.end_of(job) for job in running]
        stop(staying)

    assert code == 0, said
    assert all(result.success for result in results)
    assert [len(stage.starts(job)) for job in (*running, *waiting)] == [1] * 6
    assert [stage.snapshot(job).crashes for job in (*running, *waiting)] == [0] * 6


def test_what_a_stop_cuts_off_costs_no_attempt_and_goes_on_elsewhere(stage: Stage) -> None:
    sign = stage.sign("go")
    jobs = [stage.enqueue(task, str(sign)) for task in ("hold", "hold_in_thread", "hold")]
    with stage.worker("leaving", "--shutdown-timeout", "0.1") as leaving:
        stage.until_begun(*jobs)
        leaving.signal(signal.SIGTERM)
        until(lambda: all(stage.snapshot(job).state == "queued" for job in jobs))
        with stage.worker("staying") as staying:
            stage.until_begun(*jobs, times=2)
            sign.touch()
            results = [stage.end_of(job) for job in jobs]
            stop(staying)

    assert [(result.success, result.tries, result.attempts) for result in results] == [(True, 1, ())] * 3
    assert [len(stage.starts(job)) for job in jobs] == [2] * 3
