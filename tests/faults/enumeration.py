"""The same small life again and again: with each fault, at each command there is."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

from tests.faults.fault import Fault, task_of_process
from tests.faults.scenario import Scenario

MOST = 2_000  # commands that no scenario has


@dataclass(slots=True)
class Findings:
    """What came of all runs on one broker."""

    gives_up: bool = False
    runs: int = 0
    fired: int = 0
    leases_lost: int = 0  # by workers that lived
    slowest_s: float = 0.0
    violations: list[str] = field(default_factory=list)

    def add(self, scenario: Scenario, fault: Fault, at: int) -> None:
        victim = scenario.fuse.victim
        self.runs += 1
        self.fired += victim is not None
        self.leases_lost += len(scenario.journal.cut_off - {victim.name if victim and victim.is_dead else ""})
        self.slowest_s = max(self.slowest_s, scenario.recovery_s)
        where = f"{fault} at command {at} of {victim.name if victim else 'nobody'}"
        self.violations += [f"{where}: {violation}" for violation in scenario.violations]


async def enumerate_faults(address: str, step: int, side_by_side: int, *, gives_up: bool = False) -> Findings:
    """Each fault at every `step`-th command; with a step of 1 until there is no such command. So many lives at a time,
    each a queue of its own. `gives_up`: the first violation is enough."""
    asyncio.get_running_loop().set_task_factory(task_of_process)
    findings, whole = Findings(gives_up), Scenario(address)
    await whole.play()
    findings.add(whole, Fault.DROPPED, 0)
    places = [
        (fault, at) for number, fault in enumerate(Fault) for at in range(1 + number % step, whole.fuse.count, step)
    ]
    await _play_all(address, places, side_by_side, findings)
    for fault in Fault if step == 1 else ():  # lives differ in length
        await _go_on(address, fault, whole.fuse.count, side_by_side, findings)
    return findings


async def _go_on(address: str, fault: Fault, first: int, side_by_side: int, findings: Findings) -> None:
    for at in range(first, MOST, side_by_side):
        fired = findings.fired
        await _play_all(address, [(fault, at + place) for place in range(side_by_side)], side_by_side, findings)
        if findings.fired == fired:
            return


async def _play_all(address: str, places: Sequence[tuple[Fault, int]], side_by_side: int, findings: Findings) -> None:
    room = asyncio.Semaphore(side_by_side)

    async def play(fault: Fault, at: int) -> None:
        async with room:
            if findings.gives_up and findings.violations:
                return
            scenario = Scenario(address, fault, at)
            await scenario.play()
            findings.add(scenario, fault, at)

    await asyncio.gather(*(play(fault, at) for fault, at in places))
