"""A12: subscriptions are cut while jobs wait for others; nobody spins, ends and aborts are heard."""

import time

import pytest

from drills.fleet import cpu_share_of
from tests.scenarios.stage import Stage, kill_connections, stop

MOST_CPU = 0.25  # of a core; who spins takes what he can get


@pytest.mark.parametrize("stage", ["redis"], indirect=True)
def test_a_worker_that_waits_goes_on_hearing_and_does_not_spin(stage: Stage) -> None:
    sign = stage.sign("go")
    with stage.worker("w") as worker:
        held = stage.enqueue("hold", str(sign))
        waiting = stage.enqueue("wait_for_end", held.id)
        unwanted = stage.enqueue("hold", str(sign))
        stage.until_begun(held, waiting, unwanted)
        kill_connections(stage.app.address, "pubsub")
        with cpu_share_of([worker.pid]) as shares:
            time.sleep(1.5)
        assert unwanted.abort_sync()
        aborted = stage.end_of(unwanted).aborted
        sign.touch()
        heard = stage.end_of(waiting)
        stop(worker)

    assert aborted
    assert heard.value == stage.end_of(held).value == worker.pid
    assert shares[0] < MOST_CPU
