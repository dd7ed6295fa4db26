"""`ml-connector label send`: send a shipment's label by mail again, on purpose."""

import asyncio
from typing import TYPE_CHECKING, Annotated

import typer

from ml_connector.domain.mail_address import is_mail_address, masked
from ml_connector.domain.tenant import Tenant
from ml_connector.settings import SmtpServer
from ml_connector.store.errors import IllegalTransition
from ml_connector.store.shipments import Shipment
from ml_connector.store.view import TenantView
from starter.context import Installation
from starter.errors import ExitCode, Refused, WrongUsage
from starter.groups import Reason
from starter.order_names import FoundOrder, OrderName, find_order
from starter.output import AsJson, show, table, talk

if TYPE_CHECKING:
    from activities.label_mail import Post
    from ml_connector.mail.smtp import Accepted


def register(group: typer.Typer) -> None:
    """Add `send` to the `label` group."""
    group.command("send")(send)


def send(
    order: OrderName,
    reason: Reason,
    to: Annotated[
        list[str] | None,
        typer.Option(
            "--to", metavar="ADDRESS", help="Send it here and nowhere else; may be repeated."
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Send the labels and customs papers of an order by mail, again if they were sent before.

    They go where the tenant's label_to says, or where --to says. A mail that still waits to be
    sent by itself is replaced by this one. No shipment is bought. Ends with 1 when the mail server
    took the mail for some of the addresses only.

    \b
    Examples:
      ml-connector label send nordic/PO000123 --reason "supplier lost it"
      ml-connector label send PO000123 --to depot@supplier.example --reason "no address in Visma"
    """
    raise typer.Exit(asyncio.run(_send(order, tuple(to or ()), reason, as_json)))


async def _send(name: str, to: tuple[str, ...], reason: str, as_json: bool) -> int:
    # The mail's makers take a moment to import: only here is it worth it.
    from activities import label_mail

    _check(to, reason)
    async with Installation.open() as here:
        server = _server(here)
        order = await find_order(here, name)
        [tenant] = await here.tenants(order.tenant)
        store = await here.store()
        async with store.read(tenant.id) as view:
            post = await _post(view, tenant, order, to, actor=here.actor, reason=reason)
        try:
            accepted = await label_mail.send(store, server, post)
        except IllegalTransition as error:
            raise Refused(
                "Somebody else is sending this mail at this moment",
                remedy=f"Look what became of it: ml-connector po show {tenant.id}/{post.order}",
                code="label_in_flight",
            ) from error
    return _report(post, accepted, as_json=as_json)


def _check(to: tuple[str, ...], reason: str) -> None:
    if not reason.strip():
        raise WrongUsage("The reason is empty", remedy="Say why: --reason TEXT", code="no_reason")
    if not all(map(is_mail_address, to)):
        raise WrongUsage(
            "What stands behind --to is no mail address",
            remedy="Write name@host.example, and --to again for each further one",
            code="mail_address",
        )


def _server(here: Installation) -> SmtpServer:
    if here.settings.smtp is None:
        raise WrongUsage(
            "This installation knows no mail server",
            remedy="Set ML_CONNECTOR_SMTP_URL and ML_CONNECTOR_SMTP_FROM",
            code="label_mail_not_configured",
        )
    return here.settings.smtp


async def _post(
    view: TenantView,
    tenant: Tenant,
    order: FoundOrder,
    to: tuple[str, ...],
    *,
    actor: str,
    reason: str,
) -> "Post":
    from activities import label_mail

    number = order.row.order
    shipment = await _shipment(view, f"{tenant.id}/{number}", number)
    return label_mail.Post(
        tenant=tenant.id,
        order=number,
        generation=shipment.generation,
        key=await label_mail.next_key(view, number, shipment.generation),
        letter=await label_mail.letter_of(view, tenant, shipment, again=True),
        recipients=tuple(dict.fromkeys(to)) or _usual(tenant, shipment),
        actor=actor,
        reason=reason,
    )


async def _shipment(view: TenantView, name: str, number: str) -> Shipment:
    """The order's present shipment, which has a label. Raises Refused."""
    from activities.label_promise import has_label
    from activities.shipped import is_alive

    shipment = await view.shipments.current(number)
    if shipment is None or not is_alive(shipment):
        raise Refused(
            f"Order {name} has no shipment",
            remedy=f"See where it stands: ml-connector po show {name}",
            code="not_shipped",
        )
    if not has_label(shipment):
        raise Refused(
            f"There is no label of order {name}",
            why="FedEx's answer held none, or was lost",
            remedy="Print it in FedEx Ship Manager",
            code="label_missing",
        )
    return shipment


def _usual(tenant: Tenant, shipment: Shipment) -> tuple[str, ...]:
    """Where the tenant's labels go. Raises Refused when that is nowhere."""
    from activities.label_mail import recipients_of
    from activities.shipped import load_plan

    recipients = recipients_of(tenant, load_plan(shipment))
    if recipients:
        return recipients
    nobody = tenant.shipping.label_to == "none"
    raise Refused(
        "Nobody is named to send the label to",
        why="The tenant's label_to is none"
        if nobody
        else "The order's supplier contact had no mail address when it was planned",
        remedy="Name somebody: --to ADDRESS",
        code="label_address_missing",
    )


def _report(post: "Post", accepted: "Accepted", *, as_json: bool) -> int:
    refused = [masked(address) for address in accepted.refused]
    value = {
        "tenant": post.tenant,
        "order": post.order,
        "generation": post.generation,
        "operation": post.key,
        "sent_to": [masked(each) for each in post.recipients if each not in accepted.refused],
        "refused": refused,
        "files": [attachment.name for attachment in post.letter.attachments],
        "reply": accepted.reply,
    }
    show(value, lambda: table("", "", rows=list(value.items()), empty=""), as_json=as_json)
    if refused:
        talk(f"The mail server did not take it for {', '.join(refused)}.")
        return ExitCode.REFUSED
    return ExitCode.DONE
