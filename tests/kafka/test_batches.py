"""Sending of built batches."""

import asyncio
from types import SimpleNamespace
from typing import Any, cast

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.errors import TransactionalIdAuthorizationFailed

from stream.kafka.batches import send_batches


@pytest.mark.parametrize("error", [(), ("tx-1",)])
async def test_an_error_about_a_transactional_id_names_it(error: tuple[str, ...]) -> None:
    """The broker's answer to a batch does not."""

    async def send_batch(*_: Any, **__: Any) -> asyncio.Future[None]:
        refused = asyncio.get_running_loop().create_future()
        refused.set_exception(TransactionalIdAuthorizationFailed(*error))
        return refused

    producer = SimpleNamespace(send_batch=send_batch, _txn_manager=SimpleNamespace(transactional_id="tx-1"))
    with pytest.raises(TransactionalIdAuthorizationFailed) as raised:
        await send_batches(cast("AIOKafkaProducer", producer), [("t", 0, cast("Any", None))])
    assert raised.value.args == ("tx-1",)
