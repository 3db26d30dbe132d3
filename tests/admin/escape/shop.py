"""A shop in which every field that anybody can fill holds a hostile text."""

from typing import Any

from ardiq_django import codec
from ardiq_django.clock import new_epoch, now_ms
from ardiq_django.models import Mark
from ardiq_django.models.job import storable
from ardiq_django.models.mark import LABEL_LENGTH
from ardiq_django.plan import Plan, Planned
from ardiq_django.results import Attempt
from ardiq_django.statistics import BEGUN, FAILED, Figures
from ardiq_django.wire import FORMAT, News, WorkerCard
from tests.admin.shop import HOUR_MS, Shop
from tests.contract import makers


class HostileShop:
    """Fills a shop, one text after the other."""

    def __init__(self, shop: Shop) -> None:
        self.shop = shop
        self._reports: dict[str, Figures] = {}

    def fill(self, text: str) -> list[str]:
        """Jobs in four states, a schedule, a worker, a mark and figures; the ids of the jobs."""
        made = self.jobs(text)
        Mark.objects.put(storable(text)[:LABEL_LENGTH], now_ms())
        self.worker(text)
        self.schedule(text)
        self._reports[text[:170]] = Figures({BEGUN: 10, FAILED: 9})
        return made

    def report(self) -> None:
        """Tell the figures of all of them."""
        self.shop.run(self.shop.broker.report(self.shop.worker.epoch, 1, self._reports))

    def jobs(self, text: str) -> list[str]:
        shop, short = self.shop, text[:170]
        fields: dict[str, Any] = {
            "task": short,
            "labels": {text: text, "list": [text]},
            "headers": {text: text, "ardiq-parent": f"{shop.queue}:{short}", "ardiq-by": text},
        }
        call: dict[str, Any] = {"kwargs": {"customer": text, text: {text: [text]}}}
        failed = shop.claim(1, text, id=short[:40] + "-failed", **fields, **call)
        attempt = Attempt(1, text, 5, 6, text, text, text, text, text, (f"{shop.queue}:{short}", text))
        made = makers.failure(failed, text)
        shop.settle(type(made)(failed, attempt, text, made.ttl_ms))
        done = shop.succeeded({text: text}, logs=text, id=short[:40] + "-done", **fields)
        running = shop.running(id=short[:40] + "-running", **fields)
        shop.tell_progress(running, 1, 2, text)
        later = shop.put(
            1, text, id=short[:40] + "-later", lane="".join(text.split())[:60], delay_ms=HOUR_MS, **fields, **call
        )
        return [failed.job.id, done, running, later]

    def worker(self, text: str) -> None:
        run, broker = self.shop.run, self.shop.broker
        card = WorkerCard(new_epoch(), text, text, 1, 4, now_ms())
        run(broker.register(card))
        held = text[:170].encode(errors="replace").decode()  # an id, which is always text
        news = News({held: now_ms() - 5}, {held: (1, 2, text)}, 1 << 20, text, {text: text})
        run(broker.beat(card.epoch, 0, {}, news))

    def schedule(self, text: str) -> None:
        shop = self.shop
        call = codec.encode([[1, text], {"customer": text, text: text}])
        job = shop.keep.job(id="", task=text[:170], lane=text[:60], call=call, labels={text: text})
        planned = [
            Plan(FORMAT, f"{text[:160]}-spec", "t1", job, spec=text[:90], timezone=text[:60], created_ms=now_ms()),
            Plan(FORMAT, f"{text[:160]}-every", "t2", job, every_ms=60_000, timezone=text[:60], created_ms=now_ms()),
        ]
        soon = now_ms() + HOUR_MS
        shop.run(shop.broker.schedules.plan([Planned(plan, soon, soon) for plan in planned]))
