"""What Django code passes to tasks: what comes back as itself, and what is refused with the remedy."""

import pytest
from django.utils.functional import SimpleLazyObject, lazystr
from django.utils.safestring import mark_safe
from django.utils.translation import gettext_lazy, override

from ardiq_django import PayloadError
from tests.engine.house import House, end_of
from tests.shop.models import Order


async def test_a_model_instance_is_refused_and_its_primary_key_proposed(house: House) -> None:
    app = house.app()

    @app.task
    async def ship(order: object) -> None: ...

    sentence = (
        r"ship: argument 'order': an instance of Order cannot be carried: "
        r"pass its primary key \(17\) and fetch the Order in the task"
    )
    for value in (order := Order(pk=17, name="a")), {"orders": [order]}, SimpleLazyObject(lambda: order):
        with pytest.raises(PayloadError, match=sentence):
            await ship.enqueue(value)


async def test_an_instance_as_a_result_fails_the_job_with_the_same_words(house: House) -> None:
    app = house.app()

    @app.task
    async def make() -> Order:
        return Order(pk=3, name="a")

    job = await make.enqueue()
    await house.burst(app)

    assert (
        "its result of type Order cannot be kept: an instance of Order cannot be carried" in (await end_of(job)).value
    )


async def test_lazy_and_safe_texts_travel_as_text(house: House) -> None:
    app = house.app()

    @app.task
    async def types(*texts: object) -> list[tuple[str, object]]:
        return [(type(text).__name__, text) for text in texts]

    with override("de"):
        job = await types.enqueue(gettext_lazy("Yes"), mark_safe("<b>"), lazystr("lazy"))
    await house.burst(app)

    assert (await end_of(job)).value == [("str", "Ja"), ("str", "<b>"), ("str", "lazy")]
