"""Names, ids, options and settings of any kind: taken, or refused with an error of ours and a sentence, at the call."""

import random
from collections.abc import Callable
from typing import Any

from django.core.checks import Error
from django.test import override_settings

from ardiq_django import Ardiq, ArdiqError
from ardiq_django.checks import check_ardiq
from ardiq_django.config import AppOptions, CallOptions, TaskOptions
from ardiq_django.validation import masked
from tests.engine.house import House
from tests.fuzz.hostile import thing, word
from tests.fuzz.ledger import LEDGER
from tests.fuzz.sizes import chance, number

SETTINGS = [name.upper() for name in AppOptions.__dataclass_fields__]
PLAIN = ("memory://", "redis://h/0", 5, 0, 1.5, ["a"], {"a": 1}, True, "auto")
REFUSALS = (ArdiqError, TypeError, ValueError)


def given(draw: random.Random, names: list[str]) -> dict[Any, Any]:
    """Some options, some of them known, with values that may be right."""
    some = [draw.choice(names) if draw.random() < 0.9 else word(draw) for _ in range(draw.randrange(4))]
    return {name: draw.choice(PLAIN) if draw.random() < 0.3 else thing(draw) for name in some}


def has_said_why(error: Exception) -> None:
    assert str(error)


def refuses(kind: str, make: Callable[[], Any]) -> None:
    try:
        make()
    except REFUSALS as error:
        has_said_why(error)
        LEDGER.add(kind, "refused at the call")
    else:
        LEDGER.add(kind, "decoded fine")


def test_any_setting_is_taken_or_an_error_of_a_check() -> None:
    draw = chance("settings")
    for _ in range(number("words") // 3):
        queues = {draw.choice(("default", word(draw))): given(draw, SETTINGS)} if draw.random() < 0.9 else thing(draw)
        with override_settings(ARDIQ=queues):
            found = [message for message in check_ardiq() if isinstance(message, Error)]
        assert all(message.id and message.id.startswith("ardiq.E") and message.msg for message in found)
        LEDGER.add("words: settings", "refused at the call" if found else "decoded fine")


def test_any_option_is_taken_or_refused_with_a_sentence() -> None:
    draw = chance("options")
    for _ in range(number("words") // 3):
        owner = draw.choice((AppOptions, TaskOptions, CallOptions))
        options = given(draw, list(owner.__dataclass_fields__))
        refuses("words: options", lambda owner=owner, options=options: owner(**options))  # type: ignore[misc]


def test_any_address_is_shown_without_its_password() -> None:
    draw = chance("addresses")
    for _ in range(number("words") // 30):
        before = "".join(draw.choice("abc:/@?#&=%,;[] ") for _ in range(draw.randrange(6)))
        for address in (f"redis://{before}:SECRET@host/0", f"redis://h/0?{before}password=SECRET"):
            assert "SECRET" not in masked(address)


async def test_any_name_and_id_ends_as_a_job_or_is_refused(house: House) -> None:
    app = house.app(unknown_task_grace_s=0)
    draw, kind = chance(f"names {app.address}"), "words: names and ids"

    @app.task(name="take", max_retries=0)
    async def take(*args: object, **kwargs: object) -> None: ...

    async with house.working(app):
        for _ in range(number("words") // 12):
            task, task_id = draw.choice(("take", word(draw))), word(draw) if draw.random() < 0.8 else None
            await _called(app, kind, task, task_id, word(draw))
    assert (await app.broker.counts()) is not None


async def _called(app: Ardiq, kind: str, task: str, task_id: str | None, text: str) -> None:
    try:
        job = await app.ref(task).options(task_id=task_id, labels={"text": text}).enqueue(text)
    except REFUSALS as error:
        has_said_why(error)
        LEDGER.add(kind, "refused at the call")
        return
    result = await job.result(timeout=15)
    assert result is not None
    LEDGER.add(kind, "decoded fine" if result.success else "visible failed")
