"""`once()` inside tasks, on every broker: one receipt for all attempts of a run."""

from asgiref.sync import sync_to_async

from ardiq_django import current_task, once
from ardiq_django.results import State
from tests.engine.house import House, end_of
from tests.exactly.effects import apart, bought, buy

Anywhere = tuple[House, str]


async def test_a_retry_does_not_repeat_what_was_committed(anywhere: Anywhere) -> None:
    house, alias = anywhere
    app = house.app()

    @app.task
    def charge() -> int:
        with once(using=alias) as is_first:
            if is_first:
                buy(alias, house.queue)
        if current_task().tries < 3:
            raise ValueError("after the commit")
        return current_task().tries

    async with house.working(app):
        result = await end_of(await charge.enqueue())

    assert (result.success, result.value) == (True, 3)
    assert await apart(lambda: bought(alias, house.queue)) == 1


async def test_what_was_rolled_back_is_done_by_the_next_attempt(anywhere: Anywhere) -> None:
    house, alias = anywhere
    app = house.app()

    @app.task
    def charge() -> bool:
        with once(using=alias) as is_first:
            buy(alias, house.queue)
            if current_task().tries == 1:
                raise ValueError("before the commit")
        return is_first

    async with house.working(app):
        result = await end_of(await charge.enqueue())

    assert result.value is True
    assert await apart(lambda: bought(alias, house.queue)) == 1


async def test_a_replay_after_the_end_does_not_repeat(anywhere: Anywhere) -> None:
    house, alias = anywhere
    app = house.app()
    works = False

    @app.task(max_retries=0)
    def charge() -> bool:
        with once(using=alias) as is_first:
            if is_first:
                buy(alias, house.queue)
        if not works:
            raise ValueError("after the commit")
        return is_first

    async with house.working(app):
        job = await charge.enqueue()
        assert not (await end_of(job)).success
        works = True
        await app.broker.replay([job.id])
        await house.until_state(job, State.SUCCEEDED)
        result = await end_of(job)

    assert result.value is False
    assert await apart(lambda: bought(alias, house.queue)) == 1


async def test_a_new_run_under_the_same_id_is_done_anew(anywhere: Anywhere) -> None:
    house, alias = anywhere
    app = house.app()

    @app.task
    def charge() -> bool:
        with once(using=alias) as is_first:
            if is_first:
                buy(alias, house.queue)
        return is_first

    async with house.working(app):
        first = await end_of(await charge.options(task_id="mine").enqueue())
        job = await charge.options(task_id="mine").enqueue()
        second = await end_of(job)

    assert (first.value, second.value) == (True, True)
    assert await apart(lambda: bought(alias, house.queue)) == 2


async def test_each_step_of_a_job_has_a_receipt_of_its_own(anywhere: Anywhere) -> None:
    house, alias = anywhere
    app = house.app()

    @app.task
    def order() -> list[bool]:
        found = []
        for step in ("charge", "ship", "charge"):
            with once(step=step, using=alias) as is_first:
                found.append(is_first)
        return found

    async with house.working(app):
        result = await end_of(await order.enqueue())

    assert result.value == [True, True, False]


async def test_an_async_task_awaits_a_function_that_uses_it(anywhere: Anywhere) -> None:
    house, alias = anywhere
    app = house.app()

    def pay() -> bool:
        with once(using=alias) as is_first:
            if is_first:
                buy(alias, house.queue)
        return is_first

    @app.task
    async def charge() -> bool:
        is_first = await sync_to_async(pay)()
        if current_task().tries == 1:
            raise ValueError("after the commit")
        return is_first

    async with house.working(app):
        result = await end_of(await charge.enqueue())

    assert (result.value, result.tries) == (False, 2)
    assert await apart(lambda: bought(alias, house.queue)) == 1


async def test_on_the_event_loop_it_says_what_to_write(anywhere: Anywhere) -> None:
    house, alias = anywhere
    app = house.app()

    @app.task(max_retries=0)
    async def charge() -> None:
        with once(using=alias):
            pass

    async with house.working(app):
        result = await end_of(await charge.enqueue())

    assert result.error is not None
    assert result.error.error_type == "SyncContextError"
    assert "sync_to_async" in result.error.message
