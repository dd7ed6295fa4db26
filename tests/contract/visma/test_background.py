"""Background jobs: `Finished` is not success."""

import json

import pytest

from ml_connector.visma.client import VismaClient
from ml_connector.visma.errors import (
    VismaNotFound,
    VismaOutcomeUnknown,
    VismaRejected,
    VismaStale,
)
from tests.contract.visma import vendor
from tests.contract.visma.scripted import Answer, ScriptedVisma

JOB = "73ac0029-1e4f-4adc-a7eb-318cd25ba4bf"


def state(status: str, code: int = 0, **changes: object) -> Answer:
    return Answer(body={"id": JOB, "status": status, "statusCode": code} | changes)


async def test_the_recorded_job_that_finished_with_400(
    visma: ScriptedVisma, client: VismaClient
) -> None:
    recorded = json.loads(vendor.sample("background-state-finished-400.json"))
    content = vendor.sample("background-content-error-message.json")
    visma.say(Answer(body=recorded), Answer(body=content))
    with pytest.raises(VismaRejected) as caught:
        await client.background(JOB)
    assert "already released" in caught.value.quote
    assert [each.path for each in visma.asked] == [
        f"/v1/background/{JOB}",
        f"/v1/background/{JOB}/content",
    ]


async def test_the_shape_of_a_job(visma: ScriptedVisma, client: VismaClient) -> None:
    """Of no known status, so it is not taken for finished."""
    visma.say(Answer(body=json.loads(vendor.sample("background-state-shape.json"))))
    assert not (await client.background("string")).done


async def test_a_content_that_relays_the_400_is_the_same_verdict(
    visma: ScriptedVisma, client: VismaClient
) -> None:
    visma.say(state("Finished", 400, hasResponseContent=True), Answer(status=400))
    with pytest.raises(VismaRejected):
        await client.background(JOB)


@pytest.mark.parametrize("status", ["Started", "Queued", ""])
async def test_a_running_job(visma: ScriptedVisma, client: VismaClient, status: str) -> None:
    visma.say(state(status))
    assert not (await client.background(JOB)).done


async def test_a_job_that_created_something(visma: ScriptedVisma, client: VismaClient) -> None:
    headers = {"location": "https://integration.visma.net/API/controller/api/v2/x/1742"}
    visma.say(
        state("Finished", 201, hasResponseContent=True, responseHeaders=headers),
        Answer(body={"a": {"value": 1}}),
    )
    job = await client.background(JOB)
    assert (job.done, job.status, job.created_id, job.content) == (True, 201, "1742", {"a": 1})


async def test_a_stale_job(visma: ScriptedVisma, client: VismaClient) -> None:
    visma.say(state("Finished", 412))
    with pytest.raises(VismaStale):
        await client.background(JOB)


@pytest.mark.parametrize(("status", "code"), [("Failed", 0), ("Failed", 400), ("Finished", 500)])
async def test_a_job_that_broke_down_must_be_looked_up(
    visma: ScriptedVisma, client: VismaClient, status: str, code: int
) -> None:
    visma.say(state(status, code, errorMessage="Out of memory"))
    with pytest.raises(VismaOutcomeUnknown) as caught:
        await client.background(JOB)
    assert "Out of memory" in caught.value.quote


async def test_a_forgotten_job(visma: ScriptedVisma, client: VismaClient) -> None:
    visma.say(Answer(status=404))
    with pytest.raises(VismaNotFound):
        await client.background(JOB)
