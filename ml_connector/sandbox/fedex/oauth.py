"""`POST /oauth/token`, and the check of the bearer token on every business call."""

import hmac
from datetime import datetime
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response

from ml_connector.sandbox.fedex.errors import GatewayRefusal, Refusal, refuse, standard
from ml_connector.sandbox.fedex.values import Child, Credential, Token, TokenRequest
from ml_connector.sandbox.fedex.world import FedExWorld

GRANTS = frozenset({"client_credentials", "csp_credentials", "client_pc_credentials"})
_FIELDS = frozenset({"grant_type", "client_id", "client_secret", "child_Key", "child_secret"})
_BLOCKED_PAGE = "<html><head><title>403 Forbidden</title></head><body>Forbidden</body></html>"


async def token_endpoint(world: FedExWorld, request: Request) -> Response:
    """Issue a token, or say why not; every request counts against its address."""
    now = world.gateway.now()
    address = request.client.host if request.client else "unknown"
    world.calls["oauth"] += 1
    form = await _form(request)
    client_id = (form or {}).get("client_id", "")

    def record(outcome: str) -> None:
        entry = TokenRequest(at=now, address=address, client_id=client_id, outcome=outcome)
        world.token_requests.append(entry)

    if not world.throttle.admit(address, now):
        record("blocked")
        return _blocked(world)
    try:
        token = _issue(world, form, now)
    except Refusal as refusal:
        record(refusal.problems[0].code)
        return _refused(world, refusal)
    record("issued")
    return JSONResponse(
        {
            "access_token": token.value,
            "token_type": "bearer",
            "expires_in": max(int((token.expires_at - now).total_seconds()) - 1, 0),
            "scope": "CXS-TP" if token.child_key else "CXS",
        }
    )


async def _form(request: Request) -> dict[str, str] | None:
    """The form's fields; None for JSON, repeated fields, or anything else."""
    content_type = request.headers.get("content-type", "").split(";")[0].strip().lower()
    if content_type != "application/x-www-form-urlencoded":
        return None
    pairs = parse_qsl((await request.body()).decode("utf-8", "replace"), keep_blank_values=True)
    form = dict(pairs)
    return form if len(form) == len(pairs) else None


def _issue(world: FedExWorld, form: dict[str, str] | None, now: datetime) -> Token:
    if form is None or not {"grant_type", "client_id", "client_secret"} <= form.keys():
        raise refuse("BAD.REQUEST.ERROR", "Missing or duplicate parameters. Please modify.")
    if unknown := form.keys() - _FIELDS:
        raise refuse("BAD.REQUEST.ERROR", f"Unknown parameters: {', '.join(sorted(unknown))}.")
    if form["grant_type"] not in GRANTS:
        raise refuse("BAD.REQUEST.ERROR", "The grant type is not supported.")
    credential = world.credentials.get(form["client_id"])
    if credential is None or not _same(credential.client_secret, form["client_secret"]):
        raise _wrong_credentials()
    child = None
    if form["grant_type"] != "client_credentials":
        child = _child(credential, form)
    token = Token(
        value=world.new_secret(),
        client_id=credential.client_id,
        child_key=child.key if child else "",
        accounts=child.accounts if child else credential.accounts,
        capabilities=credential.capabilities,
        issued_at=now,
        expires_at=now + world.modes.token_lifetime,
    )
    world.tokens[token.value] = token
    return token


def _child(credential: Credential, form: dict[str, str]) -> Child:
    """The child of `child_Key` (capital K); spelt otherwise it is a missing parameter."""
    if not {"child_Key", "child_secret"} <= form.keys():
        raise refuse("BAD.REQUEST.ERROR", "Missing or duplicate parameters. Please modify.")
    for child in credential.children:
        if child.key == form["child_Key"] and _same(child.secret, form["child_secret"]):
            return child
    raise _wrong_credentials()


def _same(expected: str, given: str) -> bool:
    return hmac.compare_digest(expected.encode(), given.encode())


def _wrong_credentials() -> Refusal:
    return refuse(
        "NOT.AUTHORIZED.ERROR",
        "The given client credentials were not valid. Please modify your request and try again.",
        status=401,
    )


def _blocked(world: FedExWorld) -> Response:
    if world.modes.forbidden_body == "html":
        return HTMLResponse(_BLOCKED_PAGE, status_code=403)
    return _refused(world, standard(403))


def _refused(world: FedExWorld, refusal: Refusal) -> Response:
    errors = [problem.as_error() for problem in refusal.problems]
    body = {"transactionId": world.new_id(), "errors": errors}
    return JSONResponse(body, status_code=refusal.status)


def check_bearer(world: FedExWorld, request: Request, capability: str) -> Token:
    """The token of a business call.

    Raises GatewayRefusal or Refusal (401) for one that is missing, unknown, revoked or expired,
    and Refusal (403) for one whose project lacks the capability.
    """
    scheme, _, value = request.headers.get("authorization", "").partition(" ")
    token = world.tokens.get(value.strip()) if scheme.lower() == "bearer" else None
    if token is None or token.revoked:
        raise _not_authorised(world, {"error_description": "Invalid CXS JWT"})
    if world.gateway.now() >= token.expires_at:
        expired = {"error": "invalid_request", "error_description": "CXS JWT is expired"}
        raise _not_authorised(world, expired)
    if capability not in token.capabilities:
        raise standard(403)
    return token


def _not_authorised(world: FedExWorld, body: dict[str, str]) -> Refusal | GatewayRefusal:
    if world.modes.auth_errors == "documented":
        return standard(401)
    return GatewayRefusal(401, dict(body))
