"""Good and bad calls, held to by tests/test_typing.py: what the type checker is to find stands behind `# E:`."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

from ardiq_django import Ardiq, Job, PreparedTask, Schedule, Task, TaskContext, TaskResult, current_task, gather, task
from ardiq_django.dependencies import Depends

app = Ardiq("memory://")


async def get_client() -> AsyncIterator[str]:
    yield "client"


@app.task
async def add(a: int, b: int = 0) -> int:
    return a + b


@app.task(max_retries=5, backoff_ms=[100, 200])
def resize(path: str, *, width: int) -> str:
    return f"{path} at {width}"


@app.task(takes_context=True, timeout=3)
async def told(context: TaskContext, name: str) -> float:
    context.name.upper()
    context.nam  # E: has no attribute "nam"
    await context.progress(1, total=2, message="half")
    await context.progress("half")  # E: incompatible type "str"; expected "float"
    return 1.0


@app.cron("*/5 * * * *", timezone="Europe/Vienna")
async def tidy() -> None: ...


@app.cron(every=timedelta(seconds=30))
def beat() -> None: ...


@app.task
async def with_client(a: int, client: str = Depends(get_client)) -> str:
    return client


@task(queue="mail", takes_context=True)
async def letter(context: TaskContext, to: str) -> None: ...


async def enqueueing() -> None:
    job: Job[int] = await add.enqueue(1, b=2)
    await add.enqueue("1")  # E: matches argument type "str"
    await add.enqueue()  # E: [call-overload]
    await add.enqueue(1, c=2)  # E: [call-overload]
    await resize.enqueue("cat.png", 400)  # E: Too many positional arguments
    text: Job[str] = await resize.enqueue("cat.png", width=400)
    wrong: Job[str] = await add.enqueue(1)  # E: expression has type "Job[int]"
    number: Job[float] = await told.enqueue("a")
    await told.enqueue(current_task(), "a")  # E: matches argument types "TaskContext", "str"
    nothing: Job[None] = await tidy.enqueue()
    await tidy.enqueue(1)  # E: matches argument type "int"
    await with_client.enqueue(1)
    await with_client.enqueue(1, client="fake")
    await letter.enqueue("somebody")
    await letter.enqueue(1)  # E: matches argument type "int"
    add.enqueue(1)  # E: [unused-coroutine]


def from_views() -> None:
    job: Job[int] = add.enqueue_sync(1)
    add.enqueue_sync(b=1)  # E: [call-overload]
    resize.enqueue_sync("cat.png", width="wide")  # E: incompatible type "str"; expected "int"
    beat.enqueue_sync()
    result: TaskResult[int] | None = job.result_sync(timeout=5)
    result.value  # E: Item "None" of "TaskResult[int] | None"


async def with_options() -> None:
    later = add.options(delay=timedelta(minutes=5), priority="high")
    job: Job[int] = await later.enqueue(1)
    await later.enqueue("1")  # E: matches argument type "str"
    prepared: PreparedTask = later.prepare(1, b=2)
    add.prepare("1")  # E: incompatible type "str"; expected "int"
    later.prepare(1, 2, 3)  # E: Too many arguments
    jobs = await app.enqueue_many(add.prepare(number) for number in range(3))
    await app.enqueue_many([add])  # E: expected "PreparedTask"
    anything = await app.ref("elsewhere").enqueue(1, two=2)
    await app.send("elsewhere", 1, two=2)


def wrong_options() -> None:
    Ardiq("memory://", concurency=8)  # E: "concurency"
    Ardiq("memory://", concurrency="8")  # E: expected "int"
    app.task(retries=3)  # E: "retries"
    app.task(executor="fork")  # E: [call-overload]
    app.cron("* * * * *", misfire="often")  # E: incompatible type "Literal['often']"
    add.options(delay_s=3)  # E: "delay_s"
    add.options(at="tomorrow")  # E: expected "datetime | None"
    task(queue="mail", max_retrys=3)  # E: "max_retrys"


async def schedules() -> None:
    schedule: Schedule = await add.options(timezone="Europe/Vienna").schedule_by_cron("0 7 * * 1", 1, b=2)
    await add.schedule_by_cron("0 7 * * 1", "1")  # E: incompatible type "str"; expected "int"
    await add.schedule_by_time("tomorrow", 1)  # E: incompatible type "str"; expected "datetime"
    await add.schedule_by_interval(timedelta(hours=1))  # E: Missing positional argument "a"
    add.schedule_by_time_sync(datetime.now(UTC), 1)
    again: Job[int] = await schedule.run_now()


async def reading(job: Job[int], other: Job[int]) -> int:
    result = await job.result(timeout=5)
    if result is None or not result.success:
        return 0
    result.valu  # E: has no attribute "valu"
    success, value, tries, enqueue_time, start, finish = result
    value.upper()  # E: Item "int" of "int | Any"
    tries.upper()  # E: "int" has no attribute "upper"
    both: list[TaskResult[int] | None] = await gather(job, other, timeout=5)
    job.result()  # E: [unused-coroutine]
    return result.duration_ms


async def in_place() -> None:
    number: int = await add(1)
    text: str = resize("cat.png", width=1)
    resize("cat.png")  # E: Missing named argument "width"


def handed_on(one: Task[[str], object]) -> None:
    one.enqueue_sync("a")
    one.enqueue_sync(1)  # E: incompatible type "int"; expected "str"
