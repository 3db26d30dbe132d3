"""A17: a dead worker's job behind a dozen that a living one holds, and one free slot elsewhere."""

from tests.scenarios.stage import Stage, stop


def test_a_dead_workers_job_begins_again_beside_many_that_live(stage: Stage) -> None:
    sign = stage.sign("go")
    held = [stage.enqueue("hold", str(sign)) for _ in range(12)]

    with stage.worker("busy", concurrency=12) as busy:
        stage.until_begun(*held)
        orphan = stage.enqueue("hold", str(sign))
        with stage.worker("dead", concurrency=1) as dead:
            stage.until_begun(orphan)
            dead.kill()
        with stage.worker("free", concurrency=1) as free:
            stage.until_begun(orphan, times=2)
            sign.touch()
            results = [stage.end_of(job) for job in (*held, orphan)]
            stop(free)
        stop(busy)

    assert all(result.success for result in results)
    assert [stage.starts(job) for job in held] == [["busy"]] * 12
    assert stage.starts(orphan) == ["dead", "free"]
