"""That a label is to be mailed: promised in the transaction that records the label."""

from ml_connector.domain.packing_instructions import is_label
from ml_connector.domain.shipment import ShipmentPlan
from ml_connector.domain.tenant import Tenant
from ml_connector.store.shipments import Shipment
from ml_connector.store.view import TenantView

STEP = "label_mail"


def label_mail_key(tenant: str, order: str, generation: int, occurrence: int = 1) -> str:
    """The business identity of one mail; `occurrence` counts those that a person sent again."""
    key = f"{tenant}/{order}/{STEP}/{generation}"
    return key if occurrence == 1 else f"{key}/{occurrence}"


def has_label(shipment: Shipment) -> bool:
    """Whether there is anything to stick onto a package."""
    return any(is_label(document["kind"]) for document in shipment.documents)


def mails_label(tenant: Tenant, shipment: Shipment) -> bool:
    """Whether the tenant wants a mail, and there is something to send."""
    return tenant.shipping.label_to != "none" and has_label(shipment)


async def promise(view: TenantView, plan: ShipmentPlan) -> None:
    """Enter the mail as intended: no crash between label and mail forgets it."""
    await view.operations.begin(
        label_mail_key(plan.tenant, plan.order, plan.generation),
        step=STEP,
        order=plan.order,
        generation=plan.generation,
        request_digest="",
    )
