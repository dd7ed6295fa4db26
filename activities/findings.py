"""Every finding that the activities record about an order, in one place.

The domain has findings of its own (what keeps an order from shipping); these are about what
happened on the way. The runbook lists both. Texts name fields and numbers, never a person.
"""

from dataclasses import replace

from ml_connector.domain.findings import Finding

CHANGED_AFTER_COMPLETION = Finding(
    code="changed_after_completion",
    message="The order was edited after its shipment was completed; nothing more is shipped.",
    remedy="Ship again on purpose with: po ship --again --reason.",
)
CHANGED_AFTER_PICKUP = Finding(
    code="changed_after_pickup",
    message="The order changed after FedEx had taken the parcel; the shipment stays as it is.",
    remedy="Agree with the supplier or FedEx what to do with the parcel.",
)
COST_UNKNOWN = Finding(
    code="cost_unknown",
    message="FedEx made the shipment without rating it, and no quote could be had.",
    remedy="Posting asks again; if it still finds none, it waits for a person.",
)
COST_ESTIMATED = Finding(
    code="cost_estimated",
    message="FedEx made the shipment without rating it; the cost is from a quote.",
    remedy="Compare with FedEx's invoice.",
)
UNKNOWN_TRACKING_NUMBER = Finding(
    code="unknown_tracking_number",
    message="The order's tracking field in Visma holds a number that the connector does not know, "
    "so it may have shipped already.",
    remedy="Look the number up at FedEx. If nothing is on its way, empty the field in Visma; the "
    "order then ships by itself.",
)
LABEL_MISSING = Finding(
    code="label_missing",
    message="FedEx's answer held no label, or not one of every piece.",
    remedy="Cancel the shipment and ship again, or print the label in FedEx Ship Manager.",
)
LABEL_UNAVAILABLE = Finding(
    code="label_unavailable",
    message="The shipment's answer was lost and FedEx already holds the parcel; its label cannot "
    "be fetched any more, and its cost is from a quote.",
    remedy="Nothing, unless a label is needed: then print it in FedEx Ship Manager.",
)
OUTCOME_UNKNOWN = Finding(
    code="outcome_unknown",
    message="A Ship answer was lost, and FedEx's search does not say clearly what became of it.",
    remedy="Look for the order number in FedEx Ship Manager, then say what is there: po replay "
    "--from ship --settled absent, or --settled with the number of the parcel that is to go.",
)
ANSWERS_LOST = Finding(
    code="answers_keep_getting_lost",
    message="Answer after answer to Ship was lost for this order; what FedEx had made of them is "
    "cancelled.",
    remedy="See what stands between the connector and FedEx (a proxy, a firewall), and whether "
    "other orders ship; then: attention resume.",
)
ORPHANS_UNCLEAR = Finding(
    code="orphans_unclear",
    message="FedEx knows several parcels of a lost answer that was given up, and names none.",
    remedy="Look for the order number in FedEx Ship Manager; keep the parcel that the order shows, "
    "cancel the others.",
)
WAITS_FOR_CREDENTIALS = Finding(
    code="waits_for_credentials",
    message="The tenant's credentials are refused, or it is paused; the order waits.",
    remedy="Set working ones: credentials set; the order then goes on by itself.",
)
ALWAYS_STALE = Finding(
    code="order_always_stale",
    message="Visma refused our version of the document again and again, though nobody edits it.",
    remedy="Save the document once in Visma; the next sweep writes the progress again.",
)
LABEL_ADDRESS_MISSING = Finding(
    code="label_address_missing",
    message="The label goes to the supplier by mail, and when the shipment was planned the order's "
    "supplier contact had no mail address that can be used.",
    remedy="Send it with: label send --to ADDRESS; enter the address in Visma for later orders.",
)
LABEL_MAIL_NOT_CONFIGURED = Finding(
    code="label_mail_not_configured",
    message="The label is to be sent by mail, and this installation knows no mail server.",
    remedy="Set ML_CONNECTOR_SMTP_URL and ML_CONNECTOR_SMTP_FROM and restart the worker; it then "
    "sends by itself.",
)
LABEL_MAIL_UNKNOWN = Finding(
    code="label_mail_unknown",
    message="The mail with the label went out, and the mail server's answer was lost. It may have "
    "arrived, so it is not sent again by itself.",
    remedy="Ask whether it arrived; if it did not: label send.",
)


def label_mail_waits(why: str) -> Finding:
    return Finding(
        code="label_mail_waits",
        message=f"The mail with the label is not sent yet. {why}",
        remedy="It is tried again by itself until the parcel moves; see also: doctor --only mail.",
    )


def label_mail_refused(why: str) -> Finding:
    return Finding(
        code="label_mail_refused",
        message=f"The mail server refused the mail with the label. {why}",
        remedy="Correct the address in the tenant file or in Visma, then: label send.",
    )


def label_address_refused(addresses: str) -> Finding:
    return Finding(
        code="label_address_refused",
        message=f"The mail server took the mail with the label, but not for {addresses}.",
        remedy="Correct it in the tenant file or in Visma, then: label send --to ADDRESS.",
    )


def job_refused(why: str) -> Finding:
    """Of a shipment that FedEx makes in the background: its outcome is as unknown as a lost one."""
    return replace(
        OUTCOME_UNKNOWN,
        message="FedEx took this shipment on to make it in the background, and does not tell what "
        f"became of it. {why}",
    )


def orphan_shipped(tracking_number: str) -> Finding:
    return Finding(
        code="orphan_shipped",
        message=f"A second parcel, {tracking_number}, of a lost answer is with FedEx.",
        remedy="Ask the shipper which parcel is real; expect FedEx to bill both.",
    )


def refuses_writes(document: str, why: str) -> Finding:
    return Finding(
        code="document_refuses_writes",
        message=f"Visma takes no shipment data on {document}: {why}",
        remedy="Look at its status in Visma; order and receipts carry the same data. It is tried "
        "again when the order changes.",
    )


def unreadable(order: str, why: str) -> Finding:
    return Finding(
        code="order_unreadable",
        message=f"Visma's record of order {order} cannot be read: {why}",
        remedy="Correct the order in Visma; it is read again once it is saved.",
    )


def receipt_unreadable(receipt: str, why: str) -> Finding:
    return Finding(
        code="receipt_unreadable",
        message=f"Visma's record of receipt {receipt} cannot be read: {why}",
        remedy="Correct the receipt in Visma; it is read again once it is saved.",
    )


def tracking_unavailable(tracking_number: str, code: str) -> Finding:
    return Finding(
        code="tracking_unavailable",
        message=f"FedEx does not track {tracking_number}: {code}.",
        remedy="Look the number up at fedex.com; the connector keeps asking.",
    )


def tracking_code_unknown(tracking_number: str, code: str) -> Finding:
    return Finding(
        code="tracking_code_unknown",
        message=f"FedEx reports the status code {code} for {tracking_number}, which this version "
        "does not know.",
        remedy="Report the code; the connector keeps asking.",
    )


def delivery_exception(tracking_number: str, description: str, code: str) -> Finding:
    return Finding(
        code="delivery_exception",
        message=f"{tracking_number}: {description} ({code}).",
        remedy="FedEx usually resolves it; call FedEx when it stays.",
    )


def return_charge_expected(tracking_number: str) -> Finding:
    return Finding(
        code="return_charge_expected",
        message=f"{tracking_number} went back to the shipper. FedEx bills on scan, so the freight "
        "stays, and a charge for the return may follow.",
        remedy="Compare with FedEx's invoice.",
    )


def freight_reversed(batch: str, mirror: str) -> Finding:
    return Finding(
        code="freight_reversed",
        message=f"A person has taken the freight in batch {batch} back with batch {mirror}. It is "
        "not posted again.",
        remedy="To have it in the ledger after all, enter it in Visma by hand.",
    )


def cancelled_at_fedex(tracking_number: str) -> Finding:
    return Finding(
        code="cancelled_at_fedex",
        message=f"FedEx reports {tracking_number} as cancelled, and we did not cancel it.",
        remedy="Ask who cancelled it; ship again with: po ship --again --reason.",
    )
