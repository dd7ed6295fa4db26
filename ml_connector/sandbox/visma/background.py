"""Background calls: 202 at once, the work later, its end to be fetched.

`Finished` means executed, not succeeded: `statusCode` says how the call itself ended, which may
well be 400.
"""

from datetime import datetime, timedelta
from uuid import uuid4

from ml_connector.sandbox.visma import wire
from ml_connector.sandbox.visma.calls import Call, Operation
from ml_connector.sandbox.visma.errors import CallError, NotFound, Refused, Reply
from ml_connector.sandbox.visma.switches import MomentShape
from ml_connector.sandbox.visma.world import Job, VismaWorld

KEPT_FOR = timedelta(hours=24)
_STATE_PATH = "/v1/background"


def accept(call: Call, wish: str) -> Reply:
    """202 for a call with `erp-api-background`: `none`, `subscription[:k=v,…]` or a URL."""
    webhook = wish if wish.startswith("https://") else None
    if webhook is None and wish != "none" and not wish.startswith("subscription"):
        raise Refused(f"The value '{wish}' is not valid for erp-api-background.")
    world, now = call.world, call.world.clock.now()
    job = Job(
        id=str(uuid4()),
        tenant_id=call.company.tenant_id,
        call=call,
        webhook=webhook,
        received_at=now,
        due_at=now + timedelta(seconds=world.switches.async_delay_s),
    )
    world.jobs[job.id] = job
    return Reply(
        status=202,
        body={"id": job.id, "stateLocation": f"{call.base_url}{_STATE_PATH}/{job.id}"},
    )


def run_due_jobs(world: VismaWorld) -> None:
    """Execute the jobs whose time has come, in the order they came; forget those of yesterday."""
    now = world.clock.now()
    for job in list(world.jobs.values()):
        if not job.done and job.due_at <= now:
            _run(world, job)
        elif job.received_at + KEPT_FOR < now:
            del world.jobs[job.id]


def _run(world: VismaWorld, job: Job) -> None:
    job.started_at = world.clock.now()
    try:
        reply = job.call.operation.handle(job.call)
    except CallError as error:
        reply = error.reply
    job.status_code, job.content, job.headers = reply.status, reply.body, reply.headers
    job.finished_at = world.clock.now()


def _state(call: Call) -> Reply:
    job = _job(call)
    job.polls += 1
    shown = job.done and job.polls > call.world.switches.background_polls
    location = f"{call.base_url}{_STATE_PATH}/{job.id}/content"
    has_content = shown and job.content is not None
    return Reply(
        body={
            "id": job.id,
            "status": "Finished" if shown else "Started",
            "statusCode": job.status_code if shown else 0,
            "receivedUtc": _offset_moment(call, job.received_at),
            "startedUtc": _offset_moment(call, job.started_at),
            "finishedUtc": _offset_moment(call, job.finished_at) if shown else None,
            "webhookAddress": job.webhook,
            "originalUri": f"{job.call.base_url}{job.call.path}",
            "hasResponseContent": has_content,
            "hasRequestContent": bool(job.call.content),
            "contentLocation": location if has_content else None,
            "responseHeaders": dict(job.headers) if shown else None,
        }
    )


def _content(call: Call) -> Reply:
    job = _job(call)
    if not job.done or job.content is None:
        raise NotFound("Content of background request", job.id)
    return Reply(body=job.content)


def _job(call: Call) -> Job:
    job = call.world.jobs.get(call.id("requestId"))
    if job is None or job.tenant_id != call.company.tenant_id:
        raise NotFound("Background request", call.id("requestId"))
    return job


def _offset_moment(call: Call, instant: datetime | None) -> str | None:
    """Local time with its offset, in fields that say Utc: seen on the real service."""
    if instant is None:
        return None
    local = instant.astimezone(call.company.zone)
    return wire.shaped_moment(local, MomentShape.OFFSET, 0)


OPERATIONS = (
    Operation(method="GET", path=f"{_STATE_PATH}/{{requestId}}", handle=_state, background=False),
    Operation(
        method="GET",
        path=f"{_STATE_PATH}/{{requestId}}/content",
        handle=_content,
        background=False,
    ),
)
