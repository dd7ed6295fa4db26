"""What the simulator's tests send, and a small client that sends it."""

import copy
from typing import Any

import httpx

from ml_connector.sandbox.clock import Clock
from ml_connector.sandbox.fedex.values import Shipment
from ml_connector.sandbox.fedex.world import FedExWorld

Json = dict[str, Any]

ACCOUNT = "740561073"
OTHER_ACCOUNT = "740569999"
CLIENT_ID = "l7key"
CLIENT_SECRET = "s3cret"
FORM = {
    "grant_type": "client_credentials",
    "client_id": CLIENT_ID,
    "client_secret": CLIENT_SECRET,
}


def party(country: str, postal: str, city: str, **contact: str) -> Json:
    return {
        "contact": {"companyName": "Nordlys AS", "phoneNumber": "+4722000000", **contact},
        "address": {
            "streetLines": ["Storgata 1"],
            "city": city,
            "postalCode": postal,
            "countryCode": country,
        },
    }


def package(kilograms: float = 5, *, count: int = 1, **references: str) -> Json:
    return {
        "groupPackageCount": count,
        "weight": {"units": "KG", "value": kilograms},
        "customerReferences": [
            {"customerReferenceType": kind, "value": value} for kind, value in references.items()
        ],
    }


def ship_body(*packages: Json) -> Json:
    """A valid domestic Express shipment, label inline."""
    return {
        "labelResponseOptions": "LABEL",
        "accountNumber": {"value": ACCOUNT},
        "requestedShipment": {
            "shipper": party("NO", "5003", "Bergen"),
            "recipients": [party("NO", "0150", "Oslo")],
            "serviceType": "FEDEX_PRIORITY",
            "packagingType": "YOUR_PACKAGING",
            "pickupType": "USE_SCHEDULED_PICKUP",
            "shippingChargesPayment": {"paymentType": "SENDER"},
            "labelSpecification": {"imageType": "ZPLII", "labelStockType": "STOCK_4X6"},
            "requestedPackageLineItems": list(packages)
            or [package(P_O_NUMBER="PO-1", CUSTOMER_REFERENCE="ref-1")],
        },
    }


def american(body: Json, service: str = "FEDEX_GROUND") -> Json:
    """The same shipment inside the United States."""
    changed = copy.deepcopy(body)
    wanted = changed["requestedShipment"]
    wanted["serviceType"] = service
    wanted["shipper"] = party("US", "38017", "Collierville", phoneNumber="9015551234")
    wanted["recipients"] = [party("US", "75063", "Irving", phoneNumber="9015551234")]
    wanted["shipper"]["address"]["stateOrProvinceCode"] = "TN"
    wanted["recipients"][0]["address"]["stateOrProvinceCode"] = "TX"
    return changed


def set_at(body: Json, path: str, value: object) -> Json:
    """A copy with one value changed, or removed when it is `...`."""
    changed = copy.deepcopy(body)
    *parents, last = [int(key) if key.isdigit() else key for key in path.split(".")]
    place: Any = changed
    for key in parents:
        place = place[key]
    if value is ...:
        del place[last]
    else:
        place[last] = value
    return changed


class Api:
    """The simulator as a caller sees it, and its inside as a test sees it."""

    def __init__(self, http: httpx.AsyncClient, world: FedExWorld, clock: Clock) -> None:
        self.http = http
        self.world = world
        self.clock = clock

    def mode(self, **changes: object) -> None:
        self.world.change_modes(self.world.modes.model_copy(update=changes))

    async def log_in(self, **form: str) -> httpx.Response:
        reply = await self.http.post("/oauth/token", data={**FORM, **form})
        if reply.status_code == 200:
            self.http.headers["authorization"] = f"Bearer {reply.json()['access_token']}"
        return reply

    async def ship(
        self, body: Json | None = None, headers: dict[str, str] | None = None
    ) -> httpx.Response:
        return await self.http.post("/ship/v1/shipments", json=body or ship_body(), headers=headers)

    async def shipped(self, body: Json | None = None) -> Shipment:
        """Ship, insist that it worked, and return what the simulator keeps."""
        reply = await self.ship(body)
        assert reply.status_code == 200, reply.text
        return self.world.shipments[-1]

    async def cancel(self, number: str, account: str = ACCOUNT) -> httpx.Response:
        body = {
            "accountNumber": {"value": account},
            "trackingNumber": number,
            "deletionControl": "DELETE_ALL_PACKAGES",
        }
        return await self.http.put("/ship/v1/shipments/cancel", json=body)

    async def track(self, *numbers: str, detailed: bool = True) -> list[Json]:
        """`completeTrackResults[]`."""
        body = {
            "includeDetailedScans": detailed,
            "trackingInfo": [{"trackingNumberInfo": {"trackingNumber": n}} for n in numbers],
        }
        reply = await self.http.post("/track/v1/trackingnumbers", json=body)
        assert reply.status_code == 200, reply.text
        found: list[Json] = reply.json()["output"]["completeTrackResults"]
        return found

    async def status(self, number: str) -> Json:
        """The one result of a number."""
        [complete] = await self.track(number)
        [result] = complete["trackResults"]
        return dict(result)

    async def search(self, value: str, **more: object) -> httpx.Response:
        today = self.clock.now().date().isoformat()
        wanted = {
            "value": value,
            "accountNumber": ACCOUNT,
            "shipDateBegin": today,
            "shipDateEnd": today,
            **more,
        }
        wanted = {key: item for key, item in wanted.items() if item is not None}
        return await self.http.post(
            "/track/v1/referencenumbers", json={"referencesInformation": wanted}
        )


def code(reply: httpx.Response) -> str:
    """The only error code of a reply."""
    [error] = reply.json()["errors"]
    return str(error["code"])


def found_numbers(reply: httpx.Response) -> list[str]:
    """The tracking numbers of a successful search."""
    assert reply.status_code == 200, reply.text
    return [entry["trackingNumber"] for entry in reply.json()["output"]["completeTrackResults"]]


def search_error(reply: httpx.Response) -> str:
    """The error inside a search's 200."""
    [complete] = reply.json()["output"]["completeTrackResults"]
    [result] = complete["trackResults"]
    return str(result["error"]["code"])
