import uuid

import pytest
from temporalio.api.enums.v1 import IndexedValueType
from temporalio.api.operatorservice.v1 import (
    AddSearchAttributesRequest,
    RemoveSearchAttributesRequest,
)
from temporalio.client import Client

from ml_connector.temporal import search_attributes
from ml_connector.temporal.errors import SearchAttributesMissing
from ml_connector.temporal.ids import TaskQueue
from ml_connector.temporal.worker import build_workers
from tests.unit.temporal.sample_workflows import EchoWorkflow


async def remove(client: Client, name: str) -> None:
    await client.operator_service.remove_search_attributes(
        RemoveSearchAttributesRequest(namespace=client.namespace, search_attributes=[name])
    )


async def test_registering_is_idempotent(temporal_client: Client) -> None:
    assert await search_attributes.missing(temporal_client) == []
    assert await search_attributes.register(temporal_client) == []


async def test_a_missing_attribute_stops_a_worker_with_the_command(temporal_client: Client) -> None:
    await remove(temporal_client, "Stage")
    await remove(temporal_client, "TrackingNumber")
    try:
        with pytest.raises(SearchAttributesMissing) as caught:
            await build_workers(temporal_client, workflows=[EchoWorkflow], activities={})
    finally:
        assert await search_attributes.register(temporal_client) == ["Stage", "TrackingNumber"]
    assert caught.value.remedy == (
        "Run: temporal operator search-attribute create --namespace default --type Keyword "
        "--name Stage && temporal operator search-attribute create --namespace default "
        "--type KeywordList --name TrackingNumber"
    )


async def test_a_wrong_type_is_named(temporal_client: Client) -> None:
    await remove(temporal_client, "Stage")
    try:
        await temporal_client.operator_service.add_search_attributes(
            AddSearchAttributesRequest(
                namespace=temporal_client.namespace,
                search_attributes={"Stage": IndexedValueType.INDEXED_VALUE_TYPE_INT},
            )
        )
        with pytest.raises(SearchAttributesMissing, match=r"Stage.*not of type Keyword\."):
            await search_attributes.require(temporal_client)
    finally:
        await remove(temporal_client, "Stage")
        await search_attributes.register(temporal_client)


async def test_they_can_be_searched_for(temporal_client: Client) -> None:
    tenant = f"t-{uuid.uuid4().hex[:8]}"
    handle = await temporal_client.start_workflow(
        EchoWorkflow.run,
        "hello",
        id=f"po/{tenant}/1",
        task_queue=TaskQueue.MAIN,
        search_attributes=search_attributes.of_order(tenant, "1"),
    )
    described = await handle.describe()
    assert described.typed_search_attributes[search_attributes.TENANT] == tenant
    assert described.typed_search_attributes[search_attributes.PURCHASE_ORDER] == "1"
    await handle.terminate()
