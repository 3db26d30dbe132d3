"""A2: a backlog of jobs longer than the lease, one worker, no fault."""

from tests.scenarios.stage import LEASE_MS, Stage, stop


def test_each_of_a_backlog_of_long_jobs_runs_once(stage: Stage) -> None:
    jobs = [stage.enqueue("steady", 1.4 * LEASE_MS / 1000) for _ in range(24)]

    with stage.worker("alone", concurrency=16) as worker:
        results = [stage.end_of(job) for job in jobs]
        stop(worker)

    assert all(result.success for result in results)
    assert [stage.starts(job) for job in jobs] == [["alone"]] * 24
    assert [stage.snapshot(job).crashes for job in jobs] == [0] * 24
