"""The suites are worth what they catch: each protocol with one guard less makes at least one of them go red."""

import asyncio
from typing import Any

import pytest

from tests.contract.conftest import ADDRESSES, on_database
from tests.faults.fault import task_of_process
from tests.faults.mutants import MUTANTS
from tests.faults.mutation import DoesNotApply, Mutant
from tests.faults.proof import MUTANTS as CAUGHT
from tests.faults.proof import WHOLE
from tests.faults.suites import catch

SAMPLED = {
    "a claim's fence is not compared", "a crash is not counted", "what ran in an epoch that is over may write",
    "a success is written without its claim",
}  # fmt: skip
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


def _marks(broker: str) -> Any:
    aliases = {"sqlite": (), "postgres": ("postgres",)}
    return on_database(broker, *aliases[broker]).marks if broker in aliases else ()


def _address(broker: str, request: pytest.FixtureRequest) -> str:
    return ADDRESSES.get(broker) or str(request.getfixturevalue("redis_url"))


def _parameter(mutant: Mutant) -> Any:
    return pytest.param(mutant, marks=_marks(mutant.broker), id=mutant.name.replace(" ", "-"))


@pytest.mark.parametrize("mutant", [_parameter(one) for one in MUTANTS if WHOLE or one.name in SAMPLED])
async def test_each_mutant_is_caught(mutant: Mutant, request: pytest.FixtureRequest) -> None:
    asyncio.get_running_loop().set_task_factory(task_of_process)
    address = _address(mutant.broker, request)

    with mutant.applied():
        found: dict[str, str] = {}
        for suite in mutant.suites:
            if any(found.values()) and (suite == "faults" or not WHOLE):
                continue  # what is known to be wrong need not be shown at length
            found[suite] = await catch(suite, address)

    red = [suite for suite, what in found.items() if what]
    CAUGHT.add(f"{mutant.name} ({mutant.broker})", ", ".join(red) or "nothing", ", ".join(found))
    assert red


CONTROLS = sorted({(one.broker, suite) for one in MUTANTS for suite in one.suites if suite != "faults"})


@pytest.mark.parametrize(
    ("broker", "suite"),
    [
        pytest.param(broker, suite, marks=_marks(broker))
        for broker, suite in CONTROLS
        if WHOLE or (broker in ("memory", "redis") and suite == "contract")
    ],
)
async def test_without_a_mutant_no_suite_goes_red(broker: str, suite: str, request: pytest.FixtureRequest) -> None:
    asyncio.get_running_loop().set_task_factory(task_of_process)

    assert await catch(suite, _address(broker, request)) == ""


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_each_mutant_still_applies(mutant: Mutant) -> None:
    with mutant.applied():
        pass


def test_a_mutant_that_no_longer_applies_says_so() -> None:
    mutant = Mutant("of old", "fence.lua", "a line that was there once", "", "redis", ())

    with pytest.raises(DoesNotApply, match="of old"), mutant.applied():
        pass
