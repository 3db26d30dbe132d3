"""A fault at each command of a small life: whatever is lost on the way, everything ends once, and as it must."""

import asyncio
import gc
from collections.abc import Iterator

import pytest

from tests.faults.enumeration import enumerate_faults
from tests.faults.fault import Fault, task_of_process
from tests.faults.proof import ENUMERATION, STEP
from tests.faults.scenario import Scenario

# a process that was killed closes nothing
UNCLOSED = ("StreamWriter.__del__", "_SelectorTransport.__del__", "AbstractConnection.__del__", "<socket.socket")
pytestmark = [pytest.mark.filterwarnings(f"ignore:.*{one}:pytest.PytestUnraisableExceptionWarning") for one in UNCLOSED]


@pytest.fixture(autouse=True)
def nothing_to_find() -> Iterator[None]:
    """What the killed left open is found here, and not in the middle of another test."""
    yield
    gc.collect()


SIDE_BY_SIDE = {"redis": 8, "postgres": 6, "mariadb": 6, "sqlite": 2}
SAMPLED = {"redis": 24, "postgres": 60, "mariadb": 60, "sqlite": 120}  # every so many commands


async def test_no_fault_at_any_command_breaks_a_promise(broker: str, address: str) -> None:
    side_by_side = SIDE_BY_SIDE[broker]

    found = await enumerate_faults(address, STEP or SAMPLED[broker], side_by_side)

    seconds = f"{found.slowest_s:.2f} s"
    ENUMERATION.add(broker, found.runs, found.fired, len(found.violations), found.leases_lost, seconds)
    assert found.violations == []
    assert found.fired > len(Fault)


async def test_without_a_fault_the_whole_life_takes_place(address: str) -> None:
    asyncio.get_running_loop().set_task_factory(task_of_process)
    scenario = Scenario(address)

    await scenario.play()

    assert scenario.violations == []
    assert len(scenario.journal.accepted) == 9
    assert scenario.journal.cut_off == set()
    assert scenario.fuse.count > 50
