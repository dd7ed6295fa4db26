"""Every workflow of a worker.

Not in the package itself: Temporal's sandbox imports a workflow's module, and with it its package,
anew for each run, and a run needs only its own workflow.
"""

from workflows.discovery import DiscoveryWorkflow
from workflows.fedex_token import FedExTokenWorkflow
from workflows.period_cutoff import PeriodCutoffWorkflow
from workflows.purchase_order import PurchaseOrderWorkflow
from workflows.tracking_sweep import TrackingSweepWorkflow

WORKFLOWS = (
    PurchaseOrderWorkflow,
    DiscoveryWorkflow,
    TrackingSweepWorkflow,
    PeriodCutoffWorkflow,
    FedExTokenWorkflow,
)
