"""`ml-connector token`: what the token workflow knows. It never knows a token itself."""

import asyncio
from datetime import UTC, datetime, timedelta

import typer
from rich.console import Group
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from ml_connector.temporal.ids import token_workflow_id
from ml_connector.temporal.token_messages import TokenState
from starter.context import Installation
from starter.errors import OtherSideUnavailable
from starter.groups import command_group
from starter.output import AsJson, show, table

app = command_group("token", "FedEx's tokens, which are limited by address; never a token itself.")


def register(root: typer.Typer) -> None:
    root.add_typer(app)


PATIENCE = timedelta(seconds=10)
"""Only a running worker can answer for a workflow."""


@app.command()
def status(as_json: AsJson = False) -> None:
    """Show which credentials have a FedEx token, until when, and whether FedEx blocks us.

    One workflow issues all tokens of an egress address (ML_CONNECTOR_EGRESS). It answers while
    a worker runs.

    \b
    Examples:
      ml-connector token status
      ml-connector token status --json
    """
    asyncio.run(_status(as_json))


async def _status(as_json: bool) -> None:
    async with Installation.open() as here:
        egress = here.settings.egress
        tokens, blocked_until = await _ask(await here.temporal(), egress)
    now = datetime.now(UTC)
    blocked = blocked_until if blocked_until is not None and blocked_until > now else None
    rows = [_row(credential, tokens[credential], now) for credential in sorted(tokens)]
    value = {"egress": egress, "blocked_until": blocked, "tokens": rows}
    head = f"FedEx blocks egress {egress} until {blocked}." if blocked else f"Egress {egress}."
    show(
        value,
        lambda: Group(
            head,
            table(
                "TENANT",
                "PROJECT",
                "VERSION",
                "VALID",
                "EXPIRES",
                "RENEWED",
                rows=[tuple(row.values()) for row in rows],
                empty="No token was asked for yet.",
            ),
        ),
        as_json=as_json,
    )


def _row(credential: str, token: TokenState, now: datetime) -> dict[str, object]:
    tenant, _, project = credential.partition("/")
    return {
        "tenant": tenant,
        "project": project,
        "version": token.version,
        "valid": now < token.expires_at,
        "expires_at": token.expires_at,
        "refresh_at": token.refresh_at,
    }


async def _ask(client: Client, egress: str) -> tuple[dict[str, TokenState], datetime | None]:
    workflow = client.get_workflow_handle(token_workflow_id(egress))
    try:
        tokens = await workflow.query(
            "tokens", result_type=dict[str, TokenState], rpc_timeout=PATIENCE
        )
        blocked = await workflow.query(
            "blocked_until",
            result_type=datetime | None,  # type: ignore[arg-type]
            rpc_timeout=PATIENCE,
        )
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            return {}, None
        if error.status in (RPCStatusCode.DEADLINE_EXCEEDED, RPCStatusCode.CANCELLED):
            raise OtherSideUnavailable(
                "The token workflow did not answer",
                why="No worker runs it",
                remedy="Start one: ml-connector worker, or ml-connector up",
                code="no_worker",
            ) from error
        raise
    return tokens, blocked
