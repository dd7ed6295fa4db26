"""Visma Connect: tokens by client credentials, one company a token.

`tenant_id` must be the Company tenant. The Customer tenant's id gets a token as well, and every
call with it is then 401.
"""

import base64
import binascii
import secrets
from collections.abc import Mapping
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from ml_connector.sandbox.visma.company import Company
from ml_connector.sandbox.visma.errors import Forbidden, Unauthorized, Unlicensed
from ml_connector.sandbox.visma.world import Client, Token, VismaWorld

TOKEN_PATH = "/connect/token"  # noqa: S105 - a path
_VERBS = {"GET": "read", "PUT": "update", "POST": "create", "DELETE": "delete"}


class _TokenRefused(Exception):
    """An OAuth error; Visma Connect answers all of them with 400."""

    def __init__(self, error: str, description: str = "") -> None:
        super().__init__(error)
        self.body = {"error": error}
        if description:
            self.body["error_description"] = description


async def token_endpoint(world: VismaWorld, request: Request) -> Response:
    """`POST /connect/token`."""
    try:
        return JSONResponse(_issue(world, request.headers, await request.body()))
    except _TokenRefused as refusal:
        return JSONResponse(refusal.body, status_code=400)


def _issue(world: VismaWorld, headers: Mapping[str, str], body: bytes) -> dict[str, object]:
    media_type = headers.get("content-type", "").split(";")[0].strip().lower()
    if media_type != "application/x-www-form-urlencoded":
        raise _TokenRefused("invalid_request", "the body must be a form")
    form = dict(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True))
    if form.get("grant_type") != "client_credentials":
        raise _TokenRefused("unsupported_grant_type")
    client = _client(world, headers, form)
    scopes = _scopes(client, form.get("scope"))
    tenant_id = form.get("tenant_id")
    if tenant_id is not None:
        _check_tenant(world, client, tenant_id)
    lifetime = world.switches.token_lifetime_s
    token = secrets.token_urlsafe(32)
    world.tokens[token] = Token(
        client_id=client.id,
        tenant_id=tenant_id,
        scopes=scopes,
        expires_at=world.after(lifetime),
    )
    world.tokens_issued[tenant_id or ""] += 1
    return {
        "access_token": token,
        "expires_in": int(lifetime),
        "token_type": "Bearer",
        "scope": " ".join(sorted(scopes)),
    }


def _client(world: VismaWorld, headers: Mapping[str, str], form: Mapping[str, str]) -> Client:
    """The client by form fields or HTTP Basic."""
    client_id, secret = form.get("client_id", ""), form.get("client_secret", "")
    scheme, _, credentials = headers.get("authorization", "").partition(" ")
    if scheme.lower() == "basic":
        try:
            client_id, _, secret = base64.b64decode(credentials).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            raise _TokenRefused("invalid_client") from None
    client = world.clients.get(client_id)
    if client is None or not secrets.compare_digest(client.secret.encode(), secret.encode()):
        raise _TokenRefused("invalid_client")
    return client


def _scopes(client: Client, asked: str | None) -> frozenset[str]:
    """The scopes asked for; without any, the client's own."""
    if not asked:
        return client.scopes
    wanted = frozenset(asked.split())
    if not wanted <= client.scopes:
        raise _TokenRefused("invalid_scope")
    return wanted


def _check_tenant(world: VismaWorld, client: Client, tenant_id: str) -> None:
    """Unknown, or its administrator has not approved the application: the same answer."""
    if not world.knows_tenant(tenant_id):
        raise _TokenRefused("invalid_tenant")
    approved = any(
        tenant_id in (company.tenant_id, company.customer_tenant_id)
        for company in world.companies.values()
        if company.tenant_id in client.tenants
    )
    if not approved:
        raise _TokenRefused("invalid_tenant")


def authenticate(world: VismaWorld, headers: Mapping[str, str]) -> tuple[Token, Company]:
    """Whose call it is. Raises Unauthorized, or Unlicensed for a company without a licence."""
    scheme, _, value = headers.get("authorization", "").partition(" ")
    token = world.tokens.get(value.strip()) if scheme.lower() == "bearer" else None
    if token is None:
        raise Unauthorized("The token is missing or unknown")
    if token.revoked:
        raise Unauthorized("The token was revoked")
    if token.expires_at <= world.clock.now():
        raise Unauthorized("The token expired")
    company = world.company_of(token.tenant_id or "")
    if company is None:
        raise Unauthorized("The token is of no company tenant")
    if not company.licensed:
        raise Unlicensed(company.tenant_id)
    return token, company


def check_scope(token: Token, method: str) -> None:
    """Each method needs its scope. Raises Forbidden."""
    scope = f"vismanet_erp_service_api:{_VERBS[method]}"
    if scope not in token.scopes:
        raise Forbidden(scope)
