"""One purchase order's life: ship, track until delivered, post the freight."""

from dataclasses import replace
from datetime import timedelta

from temporalio import workflow
from temporalio.exceptions import ApplicationError

with workflow.unsafe.imports_passed_through():
    from activities import signatures as activity
    from ml_connector.domain.stage import FINISHED, Stage
    from ml_connector.domain.tracking import ParcelState
    from ml_connector.temporal.order_messages import (
        Asked,
        Attention,
        Command,
        News,
        OrderInput,
        OrderRef,
        OrderStatus,
        Posted,
        PostRequest,
        PrepareRequest,
        QuoteAnswer,
        QuoteRequest,
        Replay,
        ReverseRequest,
        ReviewRequest,
        Shipped,
        StageRecord,
        Tracking,
        Wait,
    )
    from workflows import freight
    from workflows.label_mail import ARRIVED, LabelMail
    from workflows.order_card import stage_of, unexpected
    from workflows.order_face import OrderFace
    from workflows.ownership import refuse_another_owner
    from workflows.quoting import Quotes
    from workflows.records import record_asked, record_stage
    from workflows.stepping import StepFailed, StepWaits, call

PROGRESS_ATTEMPTS = 3
"""Writing progress is level-triggered: the tracking sweep repeats what fails here."""


@workflow.defn
class PurchaseOrderWorkflow:
    """Runs from the order's discovery until its freight is in the ledger.

    The store knows whether the order has shipped and how far it has come; this workflow decides
    what happens next. So a reset or a second run repeats no purchase and no posting: each step
    finds what was done before.
    """

    @workflow.init
    def __init__(self, start: OrderInput) -> None:
        self._tenant = start.tenant
        self._order = start.order
        self._policy = start.policy
        self._face = OrderFace()
        self._news = News(version=-1)
        self._settled = -1
        self._shipment: Shipped | None = None
        self._released = start.released
        self._wake = False
        self._cancel: Command | None = None
        self._post_again = False
        self._look_up = False
        self._note: Attention | None = None
        self._mail = LabelMail()
        self._quotes = Quotes()

    @workflow.run
    async def run(self, start: OrderInput) -> str:
        refuse_another_owner(start.tenant, start.order)
        self._show()
        while not await self._is_over():
            self._wake = False
            try:
                await (self._until_shipped() if self._shipment is None else self._on_the_way())
            except StepWaits as waits:
                await self._wait_for(waits.wait)
            except StepFailed as failed:
                await self._park(failed.attention)
            if workflow.info().is_continue_as_new_suggested() and not self._asked():
                await self._start_afresh()
        return self._face.stage.value

    async def _is_over(self) -> bool:
        """Whether the order is finished, and nobody has spoken since it was: what a run hears
        while it ends, no other run will hear."""
        if self._face.stage not in FINISHED:
            return False
        await workflow.wait_condition(lambda: self._wake or workflow.all_handlers_finished())
        if self._wake:
            # As a run begins that such a signal would have started.
            self._shipment = None
        return not self._wake

    def _asked(self) -> bool:
        """Whether somebody has asked for what is not done yet: a new run would not know of it."""
        changed = self._shipment is not None and self._changed(self._shipment)
        return changed or self._cancel is not None or self._post_again or self._look_up

    # -- shipping ---------------------------------------------------------------------------

    async def _until_shipped(self) -> None:
        # The plan is made from the order as it is read now: older news says nothing new of it.
        before, self._settled = self._settled, self._news.version
        self._look_up = False
        prepared = await call(
            activity.PREPARE_SHIPMENT,
            PrepareRequest(tenant=self._tenant, order=self._order, released=self._released),
            self._policy,
            summary=f"plan {self._order}",
        )
        if prepared.outcome not in ("shipped", "ready"):
            # Nothing is shipped, so nothing is cancelled; least of all a later shipment.
            self._cancel = None
        match prepared.outcome:
            case "shipped" if prepared.shipment is not None:
                self._adopt(prepared.shipment)
                if self._tracking().state not in ARRIVED:
                    # Of a shipment that was there already, the news may say something.
                    self._settled = before
            case "ready":
                self._enter(Stage.SHIPPING)
                await self._buy(prepared.generation)
            case "needs_release":
                self._enter(Stage.WAITING_RELEASE)
                await self._wait("a release")
            case "skipped":
                self._enter(Stage.DISCOVERED)
                await self._wait(f"the order ({prepared.skip_reason})")
            case "closed":
                self._enter(Stage.CANCELLED)
            case _:
                await self._park(prepared.attention or unexpected(prepared.outcome))

    async def _buy(self, generation: int) -> None:
        bought = await call(
            activity.BUY_SHIPMENT,
            OrderRef(tenant=self._tenant, order=self._order, generation=generation),
            self._policy,
            summary=f"ship {self._order} generation {generation}",
        )
        match bought.outcome:
            case "live" if bought.shipment is not None:
                self._adopt(bought.shipment)
                await self._write_progress()
            case "again":
                return
            case _:
                await self._park(bought.attention or unexpected(bought.outcome))

    def _adopt(self, shipment: Shipped) -> None:
        self._shipment = shipment
        self._note = None
        self._mail.begin()
        self._enter(stage_of(self._tracking()))

    # -- on the way -------------------------------------------------------------------------

    async def _on_the_way(self) -> None:
        shipment = self._require_shipment()
        if self._look_up:
            # The store may know of another shipment, or of none that counts.
            self._shipment = None
            return
        if self._cancel is not None or self._changed(shipment):
            await self._review(shipment)
            return
        tracking = self._tracking()
        if tracking.state not in ARRIVED:
            # Of one that has arrived, what is done about it is shown at once.
            self._enter(stage_of(tracking), attention=self._note)
        if self._mail.pause(shipment, tracking) <= timedelta():
            ref = OrderRef(tenant=self._tenant, order=self._order, generation=shipment.generation)
            done = await self._mail.send(ref, self._policy)
            self._shipment = replace(shipment, mail_label=not done)
        elif freight.is_due(shipment, tracking, self._news, again=self._post_again):
            await self._post(shipment, tracking)
        elif tracking.state in ARRIVED and shipment.posted:
            returned = tracking.state is ParcelState.RETURNED
            self._enter(Stage.RETURNED if returned else Stage.COMPLETED)
        else:
            self._post_again = False
            pause = self._mail.pause(shipment, tracking)
            await self._wait("news of the parcel", at_most=pause)

    def _changed(self, shipment: Shipped) -> bool:
        """Whether news that came after the last look at the order shows another content."""
        fresh = self._news.version > self._settled
        return fresh and self._news.fingerprint not in ("", shipment.fingerprint)

    async def _review(self, shipment: Shipped) -> None:
        """The order was edited, held or cancelled after its label was made."""
        wish, self._cancel = self._cancel, None
        if wish is not None:
            self._released = False
        before, self._settled = self._settled, self._news.version
        request = ReviewRequest(
            tenant=self._tenant,
            order=self._order,
            generation=shipment.generation,
            cancel=wish is not None,
            by=wish.by if wish else "",
            reason=wish.reason if wish else "",
        )
        try:
            reviewed = await call(
                activity.REVIEW_CHANGE,
                request,
                self._policy,
                summary=f"review change of {self._order}",
            )
        except (StepWaits, StepFailed):
            # It is still to be done, after the wait or once a person resumes the order.
            self._cancel, self._settled = self._cancel or wish, before
            raise
        if reviewed.outcome in ("same", "too_late"):
            self._shipment = replace(shipment, fingerprint=reviewed.fingerprint)
            self._note = reviewed.attention
            return
        self._shipment = None
        if reviewed.outcome == "cancelled":
            self._enter(Stage.CANCELLED)
        elif reviewed.outcome == "waiting":
            self._enter(Stage.DISCOVERED)

    async def _post(self, shipment: Shipped, tracking: Tracking) -> None:
        again, self._post_again = self._post_again, False
        if tracking.state in ARRIVED:
            self._enter(Stage.POSTING_FREIGHT)
        request = PostRequest(
            tenant=self._tenant,
            order=self._order,
            generation=shipment.generation,
            cutoff_period=self._news.cutoff_period,
        )
        try:
            posted = await freight.post(request, self._policy)
        except (StepWaits, StepFailed):
            self._post_again = self._post_again or again
            raise
        if posted.attention is not None:
            await self._park(posted.attention)
            return
        self._shipment = replace(
            shipment, posted=True, journal_batch=posted.journal_batch, cost=posted.amount
        )

    async def _write_progress(self) -> None:
        try:
            await call(
                activity.WRITE_PROGRESS,
                OrderRef(tenant=self._tenant, order=self._order),
                self._policy,
                summary=f"write tracking of {self._order} to Visma",
                attempts=PROGRESS_ATTEMPTS,
            )
        except (StepWaits, StepFailed):
            workflow.logger.warning("progress not written yet; the tracking sweep repeats it")

    # -- waiting ----------------------------------------------------------------------------

    async def _wait(self, reason: str, at_most: timedelta = timedelta.max) -> None:
        """Until a signal wakes the order, at most `policy.safety`."""
        self._face.waiting_for = reason
        self._show()
        await self._until_woken(min(self._policy.safety, at_most))

    async def _wait_for(self, wait: Wait) -> None:
        """Until what an activity waits for has come; no retry is used up by it."""
        self._face.waiting_for = wait.why
        self._show()
        pause = self._policy.recheck
        if wait.until is not None:
            pause = max(wait.until - workflow.now(), timedelta())
        await self._until_woken(pause)

    async def _park(self, attention: Attention) -> None:
        """Stop here until a person resumes the order or something about it changes."""
        self._enter(Stage.NEEDS_ATTENTION, attention=attention)
        await self._record(attention)
        await self._wait(attention.detail)
        if self._shipment is not None:
            self._enter(stage_of(self._tracking()), attention=self._note)
            await self._record(self._note)

    async def _record(self, attention: Attention | None) -> None:
        """Stages that an activity brings about are in the store already; this one is ours."""
        record = StageRecord(
            tenant=self._tenant, order=self._order, stage=self._face.stage, attention=attention
        )
        await record_stage(record, self._policy)

    async def _until_woken(self, pause: timedelta) -> None:
        try:
            await workflow.wait_condition(lambda: self._wake, timeout=pause)
        except TimeoutError:
            workflow.logger.info("nothing was heard; looking again")
        self._face.waiting_for = ""

    async def _start_afresh(self) -> None:
        """A long history ends here; the next run reads the order's state from the store."""
        await workflow.wait_condition(workflow.all_handlers_finished)
        if self._asked():
            return
        workflow.continue_as_new(
            OrderInput(
                tenant=self._tenant,
                order=self._order,
                policy=self._policy,
                released=self._released,
            )
        )

    # -- what people see --------------------------------------------------------------------

    def _enter(self, stage: Stage, attention: Attention | None = None) -> None:
        self._face.enter(stage, self._shipment, attention)

    def _show(self) -> None:
        self._face.show(self._shipment)

    @workflow.query
    def status(self) -> OrderStatus:
        """Where the order stands, for the Web UI and the command line."""
        return self._face.status(self._shipment)

    # -- what people and schedules say ------------------------------------------------------

    @workflow.signal
    async def news(self, news: News) -> None:
        """The store knows something new; stale or repeated news is ignored."""
        if news.version <= self._news.version:
            return
        self._news = news
        self._policy = news.policy or self._policy
        self._wake = True
        if news.quote_request:
            await self._answer(news.quote_request, in_visma=True)

    @workflow.signal
    async def request_quote(self, command: Command) -> None:
        """Ask for rates and write them to the order in Visma."""
        await self._heard("request_quote", command)
        await self._answer(f"signal-{workflow.uuid4()}", in_visma=True)

    @workflow.signal
    async def release(self, command: Command) -> None:
        """Let an order ship that waits for a release."""
        self._released = True
        self._wake = True
        await self._heard("release", command)

    @workflow.signal
    async def resume(self, command: Command) -> None:
        """Try again what is parked or waiting."""
        self._wake = True
        await self._heard("resume", command)

    @workflow.signal
    async def cancel(self, command: Command) -> None:
        """Cancel the shipment, if FedEx does not hold the parcel yet."""
        self._cancel = command
        self._wake = True
        await self._heard("cancel", command)

    @workflow.signal
    async def replay(self, replay: Replay) -> None:
        """Do a step again. What succeeded before is found, not repeated."""
        self._post_again = self._post_again or replay.step == "post_freight"
        self._look_up = self._look_up or replay.step == "ship"
        self._wake = True
        await self._heard("replay", replay, step=replay.step)

    async def _heard(self, signal: str, said: Command | Replay, step: str = "") -> None:
        """The audit keeps what a person asked for, also where nothing comes of it."""
        asked = Asked(
            tenant=self._tenant,
            order=self._order,
            signal=signal,
            by=said.by,
            reason=said.reason,
            step=step,
        )
        await record_asked(asked, self._policy)

    @workflow.update
    async def quote(self, request: QuoteRequest) -> QuoteAnswer:
        """Rates for this order, at once; the same request id gives the same answer."""
        return await self._answer(request.id, in_visma=request.in_visma)

    @workflow.update
    async def reverse_freight(self, request: ReverseRequest) -> Posted:
        """Take posted freight back, whatever else the order is doing; a repeat finds it done."""
        return await freight.reverse(request, self._policy)

    @quote.validator
    def _check_quote(self, request: QuoteRequest) -> None:
        self._check_order(request)

    @reverse_freight.validator
    def _check_reversal(self, request: ReverseRequest) -> None:
        self._check_order(request)

    def _check_order(self, request: QuoteRequest | ReverseRequest) -> None:
        if (request.tenant, request.order) != (self._tenant, self._order):
            raise ApplicationError("The request names another order.", type="WrongOrder")

    async def _answer(self, request_id: str, *, in_visma: bool) -> QuoteAnswer:
        request = QuoteRequest(
            tenant=self._tenant, order=self._order, id=request_id, in_visma=in_visma
        )
        return await self._quotes.answer(request, self._policy)

    # -- small readings ---------------------------------------------------------------------

    def _tracking(self) -> Tracking:
        shipment = self._require_shipment()
        if self._news.tracking is not None and self._news.generation == shipment.generation:
            return self._news.tracking
        return shipment.tracking or Tracking(state=ParcelState.LABEL_CREATED)

    def _require_shipment(self) -> Shipped:
        if self._shipment is None:
            raise ApplicationError("No shipment is known yet.", type="NotShipped")
        return self._shipment
