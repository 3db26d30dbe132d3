"""What a worker and the broker tell each other beside the hot path."""

import asyncio
from dataclasses import replace

from ardiq_django.results import State
from ardiq_django.wire import Answer, Command, News, Order, WorkerCard
from tests.contract.keep import LEASE_MS, Keep, soon
from tests.contract.makers import released, retrying, success


async def test_a_worker_that_holds_what_it_thinks_has_nothing_to_learn(keep: Keep) -> None:
    await keep.put_many(3)
    worker = await keep.worker()
    await worker.claim(2)

    beat = await worker.beat()

    assert (list(beat.lost), list(beat.aborts), list(beat.unknown)) == ([], [], [])


async def test_an_idle_worker_has_nothing_to_learn(keep: Keep) -> None:
    await keep.running("anna")
    bert = await keep.worker("bert")

    beat = await bert.beat()

    assert (list(beat.lost), list(beat.aborts), list(beat.unknown)) == ([], [], [])


async def test_what_it_never_held_is_lost(keep: Keep) -> None:
    anna, delivery = await keep.running("anna")
    bert = await keep.worker("bert")
    waiting = await keep.put()

    bert.held = {delivery.job.id: delivery.claim, waiting.id: 1, "never-enqueued": 1}
    beat = await bert.beat()

    assert sorted(beat.lost) == sorted([delivery.job.id, waiting.id, "never-enqueued"])
    assert list((await anna.beat()).lost) == []


async def test_what_has_ended_is_lost(keep: Keep) -> None:
    worker, delivery = await keep.running()
    await worker.settle(success(delivery))

    worker.held = {delivery.job.id: delivery.claim}
    beat = await worker.beat()

    assert list(beat.lost) == [delivery.job.id]


async def test_an_earlier_claim_of_a_job_it_holds_again_is_lost_and_the_new_one_told(keep: Keep) -> None:
    worker, first = await keep.running()
    (second,) = (await worker.exchange(released(first), want=1)).deliveries

    worker.held = {first.job.id: first.claim}
    beat = await worker.beat()

    assert list(beat.lost) == [first.job.id]
    assert [delivery.claim for delivery in beat.unknown] == [second.claim]


async def test_a_claim_whose_reply_was_lost_is_told(keep: Keep) -> None:
    worker, first = await keep.running()
    outcome = retrying(first)
    (lost,) = (await worker.exchange(outcome, want=1)).deliveries

    worker.held = {}
    (unknown,) = (await worker.beat()).unknown

    assert (unknown.job.id, unknown.claim, unknown.tries) == (first.job.id, lost.claim, 2)
    assert list(unknown.history) == [outcome.attempt]
    assert unknown.job.call == first.job.call
    assert await worker.settle(success(unknown)) == [Answer.DONE]


async def test_a_claim_whose_reply_is_on_its_way_is_not_told(keep: Keep) -> None:
    await keep.put_many(2)
    worker = await keep.worker()
    await worker.claim(1)
    await worker.claim(1)

    worker.held = {}
    beat = await keep.broker.beat(worker.epoch, worker.call - 1, {}, News())

    assert [delivery.claim for delivery in beat.unknown] == [worker.call - 1]


async def test_news_shows_in_the_job(keep: Keep) -> None:
    worker, delivery = await keep.running("anna")
    started_ms = keep.now_ms - 1_234
    progress = {delivery.job.id: (3.0, 10.0, "thirds")}

    await worker.beat(News({delivery.job.id: started_ms}, progress, 5_000_000))

    snapshot = await keep.get(delivery.job.id)
    assert (snapshot.state, snapshot.start_ms, snapshot.worker) == (State.RUNNING, started_ms, "anna")
    assert list(snapshot.progress) == [3.0, 10.0, "thirds"]


async def test_news_is_replaced_by_later_news(keep: Keep) -> None:
    worker, delivery = await keep.running()
    await worker.beat(News(progress={delivery.job.id: (1.0, 10.0, "")}))

    await worker.beat(News(progress={delivery.job.id: (2.0, 10.0, "")}))

    snapshot = await keep.second().get(delivery.job.id)
    assert snapshot is not None
    assert list(snapshot.progress) == [2.0, 10.0, ""]


async def test_progress_ends_with_its_attempt(keep: Keep) -> None:
    worker, delivery = await keep.running()
    await worker.beat(News({delivery.job.id: keep.now_ms}, {delivery.job.id: (1.0, 10.0, "")}))

    await worker.settle(released(delivery))

    snapshot = await keep.get(delivery.job.id)
    assert (list(snapshot.progress), snapshot.start_ms, snapshot.worker) == ([], 0, "")


async def test_workers_are_listed_with_their_cards(keep: Keep) -> None:
    anna, bert = await keep.worker("anna"), await keep.worker("bert", keep.second())
    await anna.beat(News(rss_bytes=5_000_000))

    rows = {row.card.worker_id: row for row in await keep.broker.workers()}

    assert {name: row.card for name, row in rows.items()} == {"anna": anna.card, "bert": bert.card}
    assert all(abs(row.lease_end_ms - row.now_ms - LEASE_MS) < 3_000 for row in rows.values())
    assert (rows["anna"].news.rss_bytes, rows["bert"].news.rss_bytes) == (5_000_000, 0)


async def test_one_worker_may_hold_two_epochs(keep: Keep) -> None:
    first = await keep.worker("anna")
    await keep.broker.register(replace(first.card, epoch="another-epoch"))

    await first.leave()

    cards: list[WorkerCard] = [row.card for row in await keep.broker.workers()]
    assert [(card.worker_id, card.epoch) for card in cards] == [("anna", "another-epoch")]


async def test_a_worker_hears_its_orders_in_turn(keep: Keep) -> None:
    worker = await keep.worker()

    told = [await keep.second().tell(worker.epoch, Command(order)) for order in (Order.QUIET, Order.STOP)]

    heard = list(await soon(keep.broker.listen(worker.epoch, 30)))
    if len(heard) < 2:
        heard += await soon(keep.broker.listen(worker.epoch, 30))
    assert told == [True, True]
    assert heard == [Command(Order.QUIET), Command(Order.STOP)]


async def test_an_order_wakes_a_listening_worker(keep: Keep) -> None:
    worker = await keep.worker()
    listening = asyncio.create_task(keep.broker.listen(worker.epoch, 30))
    await keep.let_sleep(listening)

    await keep.second().tell(worker.epoch, Command(Order.ABORT, "some-job", 3))

    assert list(await soon(listening)) == [Command(Order.ABORT, "some-job", 3)]


async def test_an_order_is_heard_once_and_by_one(keep: Keep) -> None:
    anna, bert = await keep.worker("anna"), await keep.worker("bert")
    await keep.broker.tell(anna.epoch, Command(Order.QUIET))
    heard = list(await soon(keep.broker.listen(anna.epoch, 30)))

    again, other = [await soon(keep.broker.listen(epoch, 0.01)) for epoch in (anna.epoch, bert.epoch)]

    assert heard == [Command(Order.QUIET)]
    assert (list(again), list(other)) == ([], [])


async def test_nobody_can_be_told_who_is_not_there(keep: Keep) -> None:
    worker = await keep.worker()
    await worker.leave()

    told = [await keep.broker.tell(epoch, Command(Order.STOP)) for epoch in (worker.epoch, "never-registered")]

    assert told == [False, False]


async def test_whoever_listens_for_a_worker_that_left_sleeps(keep: Keep) -> None:
    worker = await keep.worker()
    await worker.leave()

    listening = asyncio.create_task(keep.broker.listen(worker.epoch, 30))
    await keep.let_sleep(listening)

    listening.cancel()
    await asyncio.wait([listening])
