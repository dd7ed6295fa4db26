"""Small workflows for the tests of this package; real ones have tests of their own."""

from dataclasses import dataclass
from datetime import timedelta

from temporalio import activity, workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ActivityError, ApplicationError

with workflow.unsafe.imports_passed_through():
    from ml_connector.temporal.ids import TaskQueue
    from ml_connector.temporal.search_attributes import STAGE


@dataclass(frozen=True, slots=True, kw_only=True)
class Parcel:
    receiver: str
    weights: tuple[int, ...] = ()


@activity.defn
async def label_parcel(parcel: Parcel) -> Parcel:
    activity.heartbeat(parcel.receiver)
    return parcel


@activity.defn
async def refuse_parcel(parcel: Parcel) -> None:
    activity.heartbeat(parcel.receiver)
    raise ApplicationError(f"{parcel.receiver} refused", parcel.receiver, type="Refused")


@workflow.defn
class ParcelWorkflow:
    """Uses every way in which a value can enter a history."""

    def __init__(self) -> None:
        self._released = ""

    @workflow.run
    async def run(self, parcel: Parcel) -> Parcel:
        workflow.set_current_details(f"for {parcel.receiver}")
        workflow.upsert_search_attributes([STAGE.value_set("shipping")])
        await workflow.wait_condition(lambda: self._released != "")
        try:
            await self._do("refuse_parcel", parcel)
        except ActivityError as error:
            workflow.logger.info("refused", exc_info=error)
        result: Parcel = await self._do("label_parcel", parcel)
        return result

    async def _do(self, name: str, parcel: Parcel) -> Parcel:
        result: Parcel = await workflow.execute_activity(
            name,
            parcel,
            task_queue=TaskQueue.FEDEX,
            result_type=Parcel,
            start_to_close_timeout=timedelta(seconds=10),
            retry_policy=RetryPolicy(maximum_attempts=1),
            summary=f"{name} {parcel.receiver}",
        )
        return result

    @workflow.signal
    def release(self, by: str) -> None:
        self._released = by

    @workflow.update
    async def ask(self, question: str) -> str:
        return question


@workflow.defn
class EchoWorkflow:
    @workflow.run
    async def run(self, text: str) -> str:
        return text


@workflow.defn
class FailingWorkflow:
    @workflow.run
    async def run(self, text: str) -> None:
        raise ApplicationError(text, text, type="Failed")
