"""A13: a job that kills every process it runs in, which are started again and again."""

import signal

from tests.scenarios.stage import Stage, stop


def test_it_ends_as_failed_after_three_and_the_innocent_beside_it_succeed(stage: Stage) -> None:
    sign = stage.sign("go")
    beside = [stage.enqueue("hold", str(sign)) for _ in range(2)]

    with stage.worker("w1") as worker:
        stage.until_begun(*beside)
        job = stage.enqueue("die")
        codes = [worker.ended()[0]]
    sign.touch()
    for name in ("w2", "w3"):
        with stage.worker(name) as worker:
            codes.append(worker.ended()[0])
    with stage.worker("last") as worker:
        result, others = stage.end_of(job), [stage.end_of(other) for other in beside]
        stop(worker)

    assert codes == [-signal.SIGKILL] * 3
    assert (result.success, result.value) == (False, "its worker was lost 3 times while it ran")
    assert stage.starts(job) == ["w1", "w2", "w3"]
    assert [(other.success, len(other.attempts)) for other in others] == [(True, 1), (True, 1)]
