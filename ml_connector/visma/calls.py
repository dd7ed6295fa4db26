"""One call to Visma.net: budget, token, request, classification."""

import logging
from collections.abc import Mapping

from ml_connector.http.transport import AnswerLost, Effect, NotSent, Reply, Transport
from ml_connector.visma.budget import Budget, Priority
from ml_connector.visma.errors import VismaQueued, VismaTransient
from ml_connector.visma.limits import RateLimit, read_limits
from ml_connector.visma.replies import failure, lost
from ml_connector.visma.tokens import VismaTokens
from ml_connector.visma.wire import Row, if_match, read_json, unreadable

Params = Mapping[str, str | int]

_logger = logging.getLogger(__name__)


class Caller:
    """Sends authorised requests for one company and turns every failure into a `VismaError`."""

    def __init__(
        self,
        transport: Transport,
        tokens: VismaTokens,
        budget: Budget | None,
        priority: Priority,
    ) -> None:
        self.transport = transport
        self.tokens = tokens
        self.budget = budget
        self.priority = priority
        self.last_limits = RateLimit()

    async def read(self, path: str, what: str, *, params: Params | None = None) -> Reply:
        """GET; 200 only."""
        reply = await self._send("GET", path, Effect.READ, what, params=params)
        if reply.status != 200:
            raise unreadable(what, f"A read was answered with status {reply.status}.")
        return reply

    async def read_object(self, path: str, what: str, *, params: Params | None = None) -> Row:
        """GET one object."""
        _, row = await self.read_versioned(path, what, params=params)
        return row

    async def read_versioned(
        self, path: str, what: str, *, params: Params | None = None
    ) -> tuple[Reply, Row]:
        """GET one object, with its reply for the sake of the ETag header."""
        reply = await self.read(path, what, params=params)
        body = read_json(reply, what)
        if not isinstance(body, dict):
            raise unreadable(what, "One object was expected.")
        return reply, body

    async def read_rows(self, path: str, what: str, *, params: Params | None = None) -> list[Row]:
        """GET one array of objects: a page, or a list that Visma does not page."""
        body = read_json(await self.read(path, what, params=params), what)
        if not isinstance(body, list) or not all(isinstance(row, dict) for row in body):
            raise unreadable(what, "A list of objects was expected.")
        return body

    async def write(
        self,
        method: str,
        path: str,
        what: str,
        *,
        json: object = None,
        version: str | None = None,
        operation: str | None = None,
    ) -> Reply:
        """PUT or POST; with `version`, only if the document still has it (If-Match).

        Raises `VismaQueued` when Visma answers 202: the outcome comes later.
        """
        headers = {} if version is None else if_match(version)
        reply = await self._send(
            method, path, Effect.WRITE, what, json=json, headers=headers, operation=operation
        )
        if reply.status == 202:
            raise VismaQueued(
                f"Visma took it for later: {what}.",
                background_id=_background_id(reply),
                remedy="Ask for the background job, or look the document up.",
            )
        return reply

    async def _send(
        self,
        method: str,
        path: str,
        effect: Effect,
        what: str,
        *,
        params: Params | None = None,
        json: object = None,
        headers: Mapping[str, str] | None = None,
        operation: str | None = None,
    ) -> Reply:
        refused: str | None = None
        while True:
            if self.budget:
                await self.budget.acquire(self.priority)
            token = await self.tokens.token(refused=refused)
            try:
                reply = await self.transport.send(
                    method,
                    path,
                    effect=effect,
                    headers={
                        "Accept": "application/json",
                        "Authorization": f"Bearer {token}",
                        **(headers or {}),
                    },
                    params=params,
                    json=json,
                    operation=operation,
                )
            except NotSent as exc:
                if self.budget:
                    self.budget.put_back()
                raise VismaTransient(f"Visma cannot be reached: {what}.", why=str(exc)) from exc
            except AnswerLost as exc:
                raise lost(effect, what, exc.cause) from exc
            await self._observe(reply)
            # A token can die early; nothing was done, so exactly one more attempt is safe.
            if reply.status == 401 and refused is None:
                refused = token
                continue
            if error := failure(reply, effect, what):
                raise error
            return reply

    async def _observe(self, reply: Reply) -> None:
        self.last_limits = read_limits(reply.headers, reply.status)
        if not self.budget:
            return
        try:
            await self.budget.observe(self.last_limits)
        except Exception as exc:
            # An answer in hand outranks the bookkeeping of calls.
            _logger.error("the budget took no note of a reply: %s", type(exc).__name__)


class Resource:
    """A part of the client: methods over one caller."""

    def __init__(self, caller: Caller) -> None:
        self._calls = caller


def _background_id(reply: Reply) -> str:
    try:
        body = read_json(reply, "queued write")
    except VismaTransient:
        return ""
    identifier = body.get("id") if isinstance(body, dict) else None
    return identifier if isinstance(identifier, str) else ""
