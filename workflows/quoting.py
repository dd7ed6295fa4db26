"""Rates on demand, whatever else an order is doing."""

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities import signatures as activity
    from ml_connector.temporal.order_messages import Policy, QuoteAnswer, QuoteRequest
    from workflows.stepping import StepFailed, StepWaits, call

URGENT = 1
"""Priority of work a person waits for."""


class Quotes:
    """The answers of one order's run, by request id."""

    def __init__(self) -> None:
        self._answers: dict[str, QuoteAnswer] = {}

    async def answer(self, request: QuoteRequest, policy: Policy) -> QuoteAnswer:
        """Ask once per request id. A failed quote is an answer too and parks nothing.

        Where the step itself failed, nobody has written an answer: the same request, told again
        with later news, is tried again.
        """
        if request.id in self._answers:
            return self._answers[request.id]
        self._answers[request.id] = QuoteAnswer(failure="The quote is on its way.")
        try:
            answer = await call(
                activity.ANSWER_QUOTE,
                request,
                policy,
                summary=f"quote for {request.order}",
                attempts=activity.QUOTE_ATTEMPTS,
                priority=URGENT,
            )
        except (StepWaits, StepFailed) as failed:
            del self._answers[request.id]
            return QuoteAnswer(failure=str(failed))
        self._answers[request.id] = answer
        return answer
