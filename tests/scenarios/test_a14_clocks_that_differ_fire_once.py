"""A14: two workers whose hosts' clocks are five seconds apart, and a schedule of one second."""

from collections import Counter

import pytest

from drills.ledger import BEGAN
from tests.contract.conftest import on_database
from tests.ring.processes import until
from tests.scenarios.stage import Stage, stop

OCCURRENCES = 5


# the clock of a file is that of the one host which all who share it are on
@pytest.mark.parametrize("stage", ["redis", on_database("postgres", "postgres")], indirect=True)
def test_each_occurrence_runs_once_whatever_the_clocks_of_hosts_say(stage: Stage) -> None:
    def clock(shift_s: str) -> dict[str, str]:
        return {"SCENARIO_EVERY_S": "1", "SCENARIO_CLOCK_S": shift_s}

    with (
        stage.worker("late", environment=clock("-2.5"), cron_poll_s=0.1) as late,
        stage.worker("early", environment=clock("2.5"), cron_poll_s=0.1) as early,
    ):
        until(lambda: len({entry.job_id for entry in stage.ledger.of(BEGAN)}) >= OCCURRENCES)
        stop(late)
        stop(early)

    runs = Counter(entry.job_id for entry in stage.ledger.of(BEGAN))
    moments = sorted(int(job_id.rpartition(":")[2]) for job_id in runs)
    assert set(runs.values()) == {1}
    assert moments == list(range(moments[0], moments[-1] + 1, 1_000))
