"""Records that somebody spoilt are shown as such."""

from typing import Any

import pytest

from ardiq_django.results import State
from tests.contract.keep import Keep
from tests.contract.makers import success


@pytest.mark.parametrize(
    "record", [b"failMd -1 0 1 1|\x90\x90", b"queued -1 0 1 1|\x90\x90", b"", b"\xff", b"failed 1 2|"]
)
async def test_a_record_that_cannot_be_read_counts_as_failed(keep: Keep, server: Any, record: bytes) -> None:
    worker, delivery = await keep.running()
    await worker.settle(success(delivery))
    await server.set(f"ardiq:{{{keep.rules.queue}}}:end:{delivery.job.id}", record, px=60_000)

    snapshot = await keep.get(delivery.job.id)

    assert snapshot.state is State.FAILED
    assert snapshot.end
    assert snapshot.end.reason.startswith("the stored record cannot be decoded")
