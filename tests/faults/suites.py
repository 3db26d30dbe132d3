"""The suites as calls that answer: is this broker as it should be, or what shows that it is not?"""

import asyncio
import importlib
import inspect
import random
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests import contract
from tests.contract.keep import Keep
from tests.contract.test_model import compare, steps
from tests.faults.enumeration import enumerate_faults
from tests.faults.search import search
from tests.faults.simulation import simulate

TEST_S = 30.0  # after which a test of the contract hangs
SUITE_S = 600.0
SCRIPTS, SEEDS, DEPTH, STEP = 200, 60, 3, 7


def contract_tests() -> Iterator[tuple[str, Callable[[Keep], Awaitable[None]]]]:
    """Those that ask for nothing but a queue."""
    for path in sorted(Path(str(contract.__file__)).parent.glob("test_*.py")):
        module = importlib.import_module(f"tests.contract.{path.stem}")
        for name, test in inspect.getmembers(module, inspect.iscoroutinefunction):
            if name.startswith("test_") and list(inspect.signature(test).parameters) == ["keep"]:
                yield f"{path.stem}.{name}", test


async def run_contract(address: str) -> str:
    """The first test that fails; "" if none does."""
    for name, test in contract_tests():
        keep = Keep(address)
        try:
            async with asyncio.timeout(TEST_S):
                await test(keep)
        except Exception:
            return name
        finally:
            await keep.close()
    return ""


async def run_model(address: str) -> str:
    """A disagreement with the memory broker."""
    scripts: list[Any] = []

    @settings(max_examples=SCRIPTS, phases=[Phase.generate], database=None, deadline=None, derandomize=True,
              suppress_health_check=list(HealthCheck))  # fmt: skip
    @given(st.lists(steps, min_size=25, max_size=50))
    def draw(script: list[Any]) -> None:
        scripts.append(script)

    draw()
    for number, script in enumerate(scripts):
        try:
            async with asyncio.timeout(TEST_S):
                await compare(address, "abcd" if number % 2 else "ab", script)
        except Exception as error:
            return f"script {number}: {type(error).__name__}"
    return ""


async def run_faults(address: str) -> str:
    """A violation after a fault at some command."""
    found = await enumerate_faults(address, STEP, 6, gives_up=True)
    return found.violations[0] if found.violations else ""


async def run_simulation(address: str) -> str:
    """A seed that breaks a promise."""
    seeds = random.Random(1).sample(range(10_000), SEEDS)
    with ThreadPoolExecutor(1) as elsewhere:  # it has a loop of its own, and while its time passes ours must not look
        return elsewhere.submit(
            lambda: next((f"seed {seed}" for seed in seeds if simulate(seed).violations), "")
        ).result()


async def run_search(address: str) -> str:
    """A path that breaks one."""
    return next(iter(search(DEPTH).violations), "")


SUITES: dict[str, Callable[[str], Awaitable[str]]] = {
    "contract": run_contract,
    "model": run_model,
    "faults": run_faults,
    "simulation": run_simulation,
    "search": run_search,
}


async def catch(suite: str, address: str) -> str:
    """What the suite finds wrong; one that takes too long here has found nothing."""
    try:
        async with asyncio.timeout(SUITE_S):
            return await SUITES[suite](address)
    except TimeoutError:
        return ""
