"""Send the label of a shipment to whoever ships it, once."""

from datetime import UTC, datetime

from temporalio import activity

from activities import findings
from activities.failures import Later
from activities.label_mail import (
    Post,
    give_up_unknown,
    letter_of,
    recipients_of,
    send,
)
from activities.label_promise import label_mail_key, mails_label
from activities.services import Desk, Services
from activities.shipped import is_alive, load_plan
from activities.signatures import SEND_LABEL
from activities.trail import current_trail
from ml_connector.domain.findings import Finding
from ml_connector.mail.errors import MailLoginRefused, MailOutcomeUnknown, MailRefused
from ml_connector.settings import SmtpServer
from ml_connector.store.operations import Operation
from ml_connector.store.shipments import Shipment
from ml_connector.store.states import OperationState
from ml_connector.temporal.order_messages import OrderRef


class MailActivities:
    """The order's mail."""

    def __init__(self, services: Services) -> None:
        self._services = services

    @activity.defn(name=SEND_LABEL.name)
    async def send_label(self, ref: OrderRef) -> bool:
        """Send the mail that was promised when the label was made, unless it was sent before.

        True when nothing more is to be done by itself, whatever the end was: a finding tells a
        bad one. False when it is worth to look again later.
        """
        desk = await self._services.desk(ref.tenant)
        key = label_mail_key(desk.id, ref.order, ref.generation)
        async with self._services.store.read(desk.id) as view:
            shipment = await view.shipments.get(ref.order, ref.generation)
            operation = await view.operations.get(key)
        if shipment is None or not is_alive(shipment) or not mails_label(desk.tenant, shipment):
            return True
        if operation is None:
            # The label is older than the tenant's wish to have it mailed.
            return True
        if operation.state is OperationState.SENT:
            await self._abandoned(desk, operation)
            return True
        if operation.state is not OperationState.INTENDED:
            return True
        if self._services.mail is None:
            await self._cannot(desk, ref.order, findings.LABEL_MAIL_NOT_CONFIGURED)
            return False
        return await self._send(desk, self._services.mail, shipment, key)

    async def _send(self, desk: Desk, server: SmtpServer, shipment: Shipment, key: str) -> bool:
        recipients = recipients_of(desk.tenant, load_plan(shipment))
        if not recipients:
            await self._cannot(desk, shipment.order, findings.LABEL_ADDRESS_MISSING)
            return True
        async with self._services.store.read(desk.id) as view:
            letter = await letter_of(view, desk.tenant, shipment)
        post = Post(
            tenant=desk.id,
            order=shipment.order,
            generation=shipment.generation,
            key=key,
            letter=letter,
            recipients=recipients,
            actor=current_trail().actor,
        )
        try:
            await send(self._services.store, server, post)
        except (MailRefused, MailOutcomeUnknown):
            return True
        except MailLoginRefused:
            # The installation's login, not the tenant's: it must not lock the tenant out.
            return False
        return True

    async def _abandoned(self, desk: Desk, operation: Operation) -> None:
        """An earlier attempt ended without a word, or still runs in a worker that is cut off."""
        if operation.deadline is not None and datetime.now(UTC) < operation.deadline:
            raise Later("A mail with the label may still be on its way.", operation.deadline)
        async with self._services.store.write(desk.id) as view:
            await give_up_unknown(view, operation, current_trail().actor)

    async def _cannot(self, desk: Desk, order: str, finding: Finding) -> None:
        async with self._services.store.write(desk.id) as view:
            if await view.findings.add(order, finding):
                current_trail().note(view, "label:not_mailed", finding=finding.code)
