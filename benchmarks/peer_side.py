"""The other side of the comparison, run by a Python that has Ardiq itself: its worker, and the same ways of enqueueing.

`python -m benchmarks.peer_side work|burst`, `fill NUMBER`, `span_s ID…`, or `in_bulk|one_by_one|gathered|idle_latency
NUMBER`; all but the first two print what they found as JSON.
"""

import asyncio
import json
import logging
import os
import sys
import time
from collections.abc import Sequence

import uvloop
from ardiq import Ardiq  # type: ignore[import-not-found]
from ardiq.cli import serve  # type: ignore[import-not-found]

from benchmarks import producing

app = Ardiq(os.environ["BENCH_BROKER"], "bench-peer", concurrency=int(os.environ.get("BENCH_CONCURRENCY", "16")))


@app.task  # type: ignore[untyped-decorator]
async def nothing(number: int, text: str) -> int:
    return number


@app.task  # type: ignore[untyped-decorator]
async def started_at(number: int, text: str) -> int:
    return time.perf_counter_ns()


def work(is_burst: bool) -> None:
    """As its command does, on the faster loop that ours runs on, without a line of log for each job."""
    logging.basicConfig(level=logging.WARNING)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve(app, is_burst, quiet=True))


async def tell(what: str, given: Sequence[str]) -> object:
    """What the producers measure."""
    match what:
        case "fill":
            jobs = await app.enqueue_many([nothing.prepare(place, producing.TEXT) for place in range(int(given[0]))])
            return [job.id for job in (*jobs[: producing.NEAR], *jobs[-producing.NEAR :])]
        case "span_s":
            return await producing.span_s(app, given)
        case "idle_latency":
            return await producing.idle_latency(app, started_at, int(given[0]))
    return await getattr(producing, what)(app, nothing, int(given[0]))


if __name__ == "__main__":
    if sys.argv[1] in ("work", "burst"):
        work(sys.argv[1] == "burst")
    else:
        print(json.dumps(asyncio.run(tell(sys.argv[1], sys.argv[2:]))))
    sys.stdout.flush()
    # its threads outlive the worker, and its own command leaves in the same way
    os._exit(0)
