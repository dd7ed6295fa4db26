"""A company whose FedEx account stands under a provider: child keys, from the file to the label."""

from pathlib import Path

import pytest

from ml_connector.sandbox.fedex.values import CAPABILITIES
from tests.e2e.command_line import Operator
from tests.stage import Stage, company_of

FILE = """
id = "{tenant}"
name = "Under A Provider AS"

[visma]
api_url = "{visma}"
token_url = "{visma}/connect/token"
tenant_id = "{company}"
client_id = {{ env = "CHILD_VISMA_CLIENT_ID" }}
client_secret = {{ env = "CHILD_VISMA_CLIENT_SECRET" }}

[fedex]
api_url = "{fedex}"
grant_type = "{grant}"
account_number = {{ env = "CHILD_FEDEX_ACCOUNT_NUMBER" }}
client_id = {{ env = "CHILD_FEDEX_CLIENT_ID" }}
client_secret = {{ env = "CHILD_FEDEX_CLIENT_SECRET" }}
child_key = {{ env = "CHILD_FEDEX_CHILD_KEY" }}
child_secret = {{ env = "CHILD_FEDEX_CHILD_SECRET" }}
track_client_id = {{ env = "CHILD_FEDEX_TRACK_CLIENT_ID" }}
track_client_secret = {{ env = "CHILD_FEDEX_TRACK_CLIENT_SECRET" }}

[shipping]
ship_via = {{ FEDEX = "FEDEX_INTERNATIONAL_PRIORITY" }}

[freight]
debit_account = "7140"
accrual_account = "2960"

[polling]
start_from = "all"
discovery = "60d"
tracking = "60d"
due = {{ label_created = "1ms" }}
"""


async def provide(stage: Stage, tenant: str, account: str, child_secret: str) -> None:
    """The provider's two projects at FedEx; the account is its child's, and not its own."""
    child = {"key": f"child-{tenant}", "secret": child_secret, "accounts": [account]}
    for project, capabilities in (("ship", CAPABILITIES - {"track"}), ("track", {"track"})):
        await stage.fedex(
            "POST",
            "credentials",
            client_id=f"provider-{project}",
            client_secret=f"provider-{project}-secret",
            children=[child],
            capabilities=sorted(capabilities),
        )


async def test_an_account_under_a_provider_ships_is_tracked_and_gets_new_keys(
    stage: Stage,
    operator: Operator,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tenant = "under-provider"
    await stage.add_tenant(tenant)
    async with stage.store.read(tenant) as view:
        known = {name: await view.secrets.get(name) for name in await view.secrets.names()}
    await stage.fedex("DELETE", f"credentials/fedex-{tenant}")
    account = known["fedex.account_number"]
    await provide(stage, tenant, account, "child-secret")
    secrets = {
        **known,
        "fedex.client_id": "provider-ship",
        "fedex.client_secret": "provider-ship-secret",
        "fedex.child_key": f"child-{tenant}",
        "fedex.child_secret": "child-secret",
        "fedex.track_client_id": "provider-track",
        "fedex.track_client_secret": "provider-track-secret",
    }
    for name, value in secrets.items():
        monkeypatch.setenv(f"CHILD_{name.replace('.', '_').upper()}", value)
    file = tmp_path / "tenant.toml"

    async def apply(grant: str) -> None:
        visma, fedex = stage.sandbox.visma_url, stage.sandbox.fedex_url
        company = company_of(tenant)
        text = FILE.format(tenant=tenant, grant=grant, company=company, visma=visma, fedex=fedex)
        file.write_text(text)
        applied = await operator("tenant", "apply", file)
        assert applied.code == 0, applied.err

    await apply("csp_credentials")
    number = await stage.order(tenant)
    await stage.discover(tenant)
    row = await stage.at(tenant, number, "label_created")
    [shipment] = [
        each for each in stage.sandbox.fedex.shipments if each.master == row.master_tracking
    ]
    assert shipment.order.account == account
    await stage.deliver(tenant)
    assert (await stage.finished(tenant, number)).stage == "completed"

    await provide(stage, tenant, account, "exchanged")
    monkeypatch.setenv("CHILD_NEW", "exchanged")
    new = ("--env", "fedex.child_secret=CHILD_NEW")
    rotated = await operator("credentials", "rotate", tenant, *new, "--json")
    assert (rotated.code, rotated.data["secrets_changed"]) == (0, ["fedex.child_secret"])

    monkeypatch.setenv("CHILD_FEDEX_CHILD_SECRET", "exchanged")
    await apply("client_pc_credentials")
    assert (await operator("credentials", "test", tenant)).code == 0
