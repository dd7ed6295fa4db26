"""Results of calls that Visma took for later (`/v1/background`), kept for 24 hours."""

from collections.abc import Mapping
from typing import Any

from ml_connector.http.transport import Effect, Reply
from ml_connector.visma.calls import Resource
from ml_connector.visma.errors import VismaOutcomeUnknown, VismaRejected, VismaUnreadable
from ml_connector.visma.records import BackgroundJob
from ml_connector.visma.replies import failure
from ml_connector.visma.wire import (
    Flag,
    Text,
    Whole,
    WireModel,
    located_id,
    parse,
    read_json,
    segment,
)


class _StateDto(WireModel):
    status: Text = ""
    status_code: Whole = None
    error_message: Text = ""
    original_uri: Text = ""
    has_response_content: Flag = None
    response_headers: Any = None


class Background(Resource):
    """Background jobs."""

    async def background(self, request_id: str) -> BackgroundJob:
        """The state of a job; one that failed is raised as the error of its call.

        `Finished` only says that it was executed: the outcome is its own status code, which may
        be 400. Raises what the call itself would have raised; `VismaNotFound` after 24 hours;
        `VismaOutcomeUnknown` for a job that broke down.
        """
        what = f"read background job {request_id}"
        path = f"/v1/background/{segment(request_id)}"
        state = parse(_StateDto, await self._calls.read_object(path, what), what)
        if state.status not in ("Finished", "Failed"):
            return BackgroundJob(id=request_id, done=False, status=0, content=None)
        content = b""
        if state.has_response_content:
            content = await self._content(path, what)
        result = Reply(
            status=state.status_code or 0,
            headers=_headers(state.response_headers),
            content=content or state.error_message.encode("utf-8", "replace"),
        )
        if error := failure(result, Effect.WRITE, f"carry out background job {request_id}"):
            raise _broken_down(request_id, state) if state.status == "Failed" else error
        return BackgroundJob(
            id=request_id,
            done=True,
            status=result.status,
            content=_readable(result, what) if content else None,
            created_id=located_id(result),
        )

    async def _content(self, path: str, what: str) -> bytes:
        try:
            return (await self._calls.read(f"{path}/content", what)).content
        except VismaRejected:
            # The state is the verdict; its body only explains it.
            return b""


def _broken_down(request_id: str, state: _StateDto) -> VismaOutcomeUnknown:
    return VismaOutcomeUnknown(
        f"Background job {request_id} broke down in Visma.",
        quote=f"Visma says: {state.error_message[:500]}" if state.error_message else "",
        remedy="Look the document up before anything is repeated.",
    )


def _headers(stated: object) -> Mapping[str, str]:
    """The stored reply's headers, under the names that are looked up here."""
    if not isinstance(stated, dict):
        return {}
    known = {name.casefold(): name for name in ("ETag", "Location", "Retry-After")}
    return {
        known.get(str(name).casefold(), str(name)): str(value) for name, value in stated.items()
    }


def _readable(reply: Reply, what: str) -> object:
    try:
        return read_json(reply, what)
    except VismaUnreadable:
        return None
