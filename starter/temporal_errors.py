"""What a command says when Temporal cannot do what was asked.

Asked by `starter.errors`, and only after an exception of Temporal's client: importing that takes
longer than most commands need.
"""

from temporalio.service import RPCError, RPCStatusCode

from starter.errors import CommandError, CredentialsRefused, OtherSideUnavailable, Refused

_DOWN = frozenset(
    {
        RPCStatusCode.UNAVAILABLE,
        RPCStatusCode.DEADLINE_EXCEEDED,
        RPCStatusCode.RESOURCE_EXHAUSTED,
        RPCStatusCode.ABORTED,
        RPCStatusCode.CANCELLED,
        # What a server says, or is made to say, whose database is away or which dies meanwhile.
        RPCStatusCode.INTERNAL,
        RPCStatusCode.UNKNOWN,
    }
)


def explain(error: Exception) -> CommandError | None:
    """The message for an exception that we know, or None."""
    if not isinstance(error, RPCError):
        return None
    if error.status in _DOWN:
        return OtherSideUnavailable(
            "Temporal gave no answer.",
            why=f"It said {error.status.name}.",
            remedy="Check that the server runs, then repeat the command.",
            code="temporal_unavailable",
        )
    if error.status in (RPCStatusCode.UNAUTHENTICATED, RPCStatusCode.PERMISSION_DENIED):
        return CredentialsRefused(
            "Temporal refuses us.",
            remedy="Check TEMPORAL_API_KEY or the client certificate of the profile.",
            code="temporal_refused",
        )
    if error.status is RPCStatusCode.NOT_FOUND:
        return Refused(
            "Temporal does not know that workflow or schedule.",
            why="It has ended and its retention is over, or it was never started.",
            remedy="See ml-connector po list and ml-connector schedule list.",
            code="temporal_not_found",
        )
    return None
