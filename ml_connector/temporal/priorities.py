"""Who goes first when tasks queue up, and how tenants share.

Priorities are Temporal's: 1 is first, 5 last, 3 what a task without one gets. Within one, tasks
are dealt out by fairness key, so a tenant with ten thousand orders does not delay one with ten.
Set where a workflow is started; its activities inherit it. Fairness needs
`matching.enableFairness` on the server, priorities do not.
"""

from enum import IntEnum

from temporalio.common import Priority


class Urgency(IntEnum):
    """What a task is worth waiting for."""

    QUOTE = 1
    """A person is looking at the screen."""
    OPERATOR = 2
    """A command given by hand."""
    NORMAL = 3
    BACKLOG = 5
    """First imports, comparisons, anything that may take its time."""


def priority_of(tenant: str, urgency: Urgency = Urgency.NORMAL) -> Priority:
    """The priority of work done for a tenant, shared fairly among tenants."""
    return Priority(priority_key=urgency, fairness_key=tenant)
