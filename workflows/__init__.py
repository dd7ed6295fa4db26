"""The workflows: deterministic, one a file, no I/O."""

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

__all__ = ["WORKFLOWS"]
