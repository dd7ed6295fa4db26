"""The mail that brings labels and customs papers to whoever ships.

SMTP does not deduplicate, and a mail cannot be looked up afterwards. So a mail is an operation
like a shipment: `{tenant}/{order}/label_mail/{generation}`, and behind it `/2`, `/3`, … for each
time a person sends it again. One whose answer was lost is never repeated by itself.

The worker (activities.mailing) and the command line (`label send`) both send through here.
"""

import json
from dataclasses import dataclass
from datetime import UTC, datetime

from activities import findings
from activities.label_promise import STEP, has_label, label_mail_key
from activities.shipped import PlannedShipment, load_plan
from activities.trail import BODY_RETENTION
from ml_connector.domain.findings import Finding
from ml_connector.domain.mail_address import mail_addresses, masked
from ml_connector.domain.packing_instructions import Paper, instructions
from ml_connector.domain.tenant import Tenant
from ml_connector.mail.errors import MailError, MailOutcomeUnknown, MailRefused
from ml_connector.mail.message import Attachment, Letter, build_message, message_id
from ml_connector.mail.smtp import Accepted, deliver
from ml_connector.settings import SmtpServer
from ml_connector.store.operations import Operation
from ml_connector.store.shipments import Shipment
from ml_connector.store.states import OperationState, ShipmentState
from ml_connector.store.store import Store
from ml_connector.store.view import TenantView

VOID = frozenset({ShipmentState.CANCELLED, ShipmentState.WITHDRAWN})
OVERCOME = (
    findings.LABEL_ADDRESS_MISSING.code,
    findings.LABEL_MAIL_NOT_CONFIGURED.code,
    findings.LABEL_MAIL_UNKNOWN.code,
    findings.label_mail_waits("").code,
    findings.label_mail_refused("").code,
    findings.label_address_refused("").code,
)
"""Findings that a mail which was taken puts an end to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Post:
    """A mail, whom it goes to, and on whose behalf."""

    tenant: str
    order: str
    generation: int
    key: str
    """Of its operation."""
    letter: Letter
    recipients: tuple[str, ...]
    actor: str
    reason: str = ""
    """Why a person sends it again."""


def recipients_of(tenant: Tenant, planned: PlannedShipment) -> tuple[str, ...]:
    """Whom the tenant's labels go to; empty for nobody, and for a supplier without an address."""
    match tenant.shipping.label_to:
        case "none":
            return ()
        case "supplier":
            return mail_addresses(planned.supplier_email)
        case addresses:
            return tuple(dict.fromkeys(addresses))


async def next_key(view: TenantView, order: str, generation: int) -> str:
    """The operation of a mail that a person sends: the promised one while it has not gone out,
    so that it does not follow later; else a new one."""
    known = await _mails(view, order, generation)
    waiting = next((each for each in known if each.state is OperationState.INTENDED), None)
    if waiting is not None:
        return waiting.key
    return label_mail_key(view.tenant, order, generation, len(known) + 1)


async def letter_of(
    view: TenantView, tenant: Tenant, shipment: Shipment, *, again: bool = False
) -> Letter:
    """Instructions and documents of a shipment."""
    parcels = await view.parcels.by_order(shipment.order, shipment.generation)
    earlier = await view.shipments.list(shipment.order)
    papers = [
        Paper(
            kind=document["kind"],
            media=document["media"],
            tracking_number=document["tracking_number"],
            copies=document.get("copies", 0),
        )
        for document in shipment.documents
    ]
    text = instructions(
        load_plan(shipment).plan,
        papers,
        company=tenant.name,
        master_tracking=shipment.master_tracking or "",
        pieces={parcel.tracking_number: parcel.sequence for parcel in parcels},
        replaces=any(each.state in VOID and has_label(each) for each in earlier),
        again=again,
    )
    attachments = tuple(
        [
            Attachment(
                name=name,
                media=document["media"],
                content=(await view.blobs.get(document["blob"])).content,
            )
            for name, document in zip(text.file_names, shipment.documents, strict=True)
        ]
    )
    return Letter(subject=text.subject, text=text.text, attachments=attachments)


async def send(store: Store, server: SmtpServer, post: Post) -> Accepted:
    """Hand the mail over once, and record how it ended.

    Raises IllegalTransition when somebody else is sending it, or has; the errors of
    `ml_connector.mail`, after they are recorded.
    """
    message = build_message(
        post.letter, server, post.recipients, key=post.key, at=datetime.now(UTC)
    )
    async with store.write(post.tenant) as view:
        await view.operations.begin(
            post.key,
            step=STEP,
            order=post.order,
            generation=post.generation,
            request_digest=post.letter.digest,
        )
        await view.operations.mark_sent(post.key, datetime.now(UTC) + server.timeout)
    try:
        accepted = await deliver(server, message, post.recipients)
    except MailError as error:
        async with store.write(post.tenant) as view:
            await _failed(view, post, error)
        raise
    async with store.write(post.tenant) as view:
        await _sent(view, server, post, accepted)
    return accepted


async def give_up_unknown(view: TenantView, operation: Operation, actor: str) -> None:
    """Nobody came back to record how the mail ended: it may have been taken.

    No finding where a person has sent the same labels since, and that mail was taken.
    """
    key, order, what = operation.key, operation.order, "the process that sent it did not come back"
    await view.operations.mark_unknown(key, {"what": what}, deadline=datetime.now(UTC))
    mails = await _mails(view, order, operation.generation)
    if all(mail.state is not OperationState.SUCCEEDED for mail in mails):
        await view.findings.add(order, findings.LABEL_MAIL_UNKNOWN)
    view.audit.append(
        "label:mail_unknown", actor=actor, order=order, operation=key, detail={"why": what}
    )


async def _mails(view: TenantView, order: str, generation: int) -> list[Operation]:
    """Of one shipment, whoever sent them."""
    return [
        operation
        for operation in await view.operations.history(order)
        if operation.step == STEP and operation.generation == generation
    ]


async def _sent(view: TenantView, server: SmtpServer, post: Post, accepted: Accepted) -> None:
    id_ = message_id(post.key, server)
    await view.operations.succeed(post.key, {"message_id": id_, "reply": accepted.reply})
    for code in OVERCOME:
        await view.findings.resolve(post.order, code)
    if accepted.refused:
        refused = ", ".join(masked(address) for address in accepted.refused)
        await view.findings.add(post.order, findings.label_address_refused(refused))
    _note(view, post, "label:mailed", message_id=id_, reply=accepted.reply)


async def _failed(view: TenantView, post: Post, error: MailError) -> None:
    what, why = str(error), " ".join(part for part in (error.what, error.why) if part)
    finding: Finding
    match error:
        case MailOutcomeUnknown():
            await view.operations.mark_unknown(post.key, {"what": what}, deadline=datetime.now(UTC))
            action, finding = "label:mail_unknown", findings.LABEL_MAIL_UNKNOWN
        case MailRefused():
            await view.operations.reject(post.key, {"what": what})
            action, finding = "label:mail_refused", findings.label_mail_refused(error.why)
        case _:
            await view.operations.back_to_intended(post.key, "the mail server took nothing")
            action, finding = "label:mail_not_sent", findings.label_mail_waits(why)
    await view.findings.add(post.order, finding)
    _note(view, post, action, why=why)


def _note(view: TenantView, post: Post, action: str, **detail: object) -> None:
    """People appear masked; whom it went to and what it said is kept sealed, by digest for ever."""
    body = {
        "recipients": list(post.recipients),
        "subject": post.letter.subject,
        "text": post.letter.text,
    }
    view.audit.append(
        action,
        actor=post.actor,
        order=post.order,
        operation=post.key,
        detail={
            "to": [masked(address) for address in post.recipients],
            "files": [attachment.name for attachment in post.letter.attachments],
            "reason": post.reason,
            **detail,
        },
        body=json.dumps(body, ensure_ascii=False).encode(),
        expires_at=datetime.now(UTC) + BODY_RETENTION,
    )
