"""What workflows call and what workers implement is the same thing."""

import asyncio
import inspect
from collections.abc import Callable
from datetime import timedelta
from typing import Any, get_type_hints

import httpx
import pytest
from temporalio import activity
from temporalio.client import Client

from activities import signatures
from activities.registry import activities_by_queue, implementations
from activities.services import Services
from activities.signatures import Signature
from activities.token_source import TokenFunnel
from ml_connector.security.keys import MasterKeys
from ml_connector.store.store import Store


@pytest.fixture
async def services(
    master_keys: MasterKeys, temporal_client: Client, tmp_path_factory: pytest.TempPathFactory
) -> Any:
    url = f"sqlite:///{tmp_path_factory.mktemp('store')}/store.db"
    store = await Store.open(url, master_keys)
    window = timedelta(seconds=5)
    async with httpx.AsyncClient() as http:
        yield Services(
            store=store,
            temporal=temporal_client,
            http=http,
            tokens=TokenFunnel(
                store=store,
                temporal=temporal_client,
                egress="default",
                window=window,
                block=window,
            ),
            call_timeout=window,
        )
    await store.close()


@pytest.mark.parametrize("signature", signatures.ALL, ids=lambda each: each.name)
async def test_each_signature_is_implemented_with_its_types(
    signature: Signature[Any, Any], services: Services
) -> None:
    implementation = implementations(services)[signature.name]
    definition = activity._Definition.must_from_callable(implementation)
    assert definition.name == signature.name
    assert asyncio.iscoroutinefunction(implementation)
    assert _argument_and_result(implementation) == (signature.argument, signature.result)


async def test_nothing_is_implemented_without_a_signature(services: Services) -> None:
    names = [signature.name for signature in signatures.ALL]
    assert sorted(names) == sorted(set(names))
    assert implementations(services).keys() == set(names)


async def test_each_activity_is_served_on_the_queue_of_its_signature(services: Services) -> None:
    served = {
        (activity._Definition.must_from_callable(each).name, queue)
        for queue, those in activities_by_queue(services).items()
        for each in those
    }
    assert served == {(each.name, each.queue) for each in signatures.ALL}


def test_each_signature_is_a_constant_of_its_own_name() -> None:
    constants = {
        name: each for name, each in vars(signatures).items() if isinstance(each, Signature)
    }
    assert set(signatures.ALL) == set(constants.values())
    assert {name: each.name.upper() for name, each in constants.items()} == {
        name: name for name in constants
    }


def test_a_dead_worker_is_noticed_before_an_attempt_runs_out() -> None:
    for signature in signatures.ALL:
        assert signature.heartbeat < signature.timeout, signature.name


def _argument_and_result(implementation: Callable[..., Any]) -> tuple[object, object]:
    hints = get_type_hints(implementation)
    [argument] = inspect.signature(implementation).parameters
    return hints[argument], hints["return"]
