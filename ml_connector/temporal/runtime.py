"""The native part of Temporal's client: its log and its metrics. One in a process."""

import logging
from functools import cache

from temporalio.runtime import (
    LogForwardingConfig,
    LoggingConfig,
    PrometheusConfig,
    Runtime,
    TelemetryConfig,
    TelemetryFilter,
)

from ml_connector.temporal.errors import TemporalSettingsWrong


@cache
def runtime(metrics_address: str | None = None) -> Runtime:
    """The runtime that serves Prometheus metrics on `host:port`, or none.

    The native core prints to standard output by itself, and at WARN whole histories when
    a server is overloaded (687 MB in two minutes were seen). So only errors leave it, through
    Python's logging, without the fields that hold payloads.

    Raises TemporalSettingsWrong when the metrics address cannot be used.
    """
    try:
        return Runtime(telemetry=_telemetry(metrics_address))
    except (RuntimeError, ValueError) as error:
        raise TemporalSettingsWrong(
            f"Metrics cannot be served on {metrics_address}.",
            why=str(error),
            remedy="Give a free address as host:port, or leave metrics off.",
        ) from error


def _telemetry(metrics_address: str | None) -> TelemetryConfig:
    forwarding = LogForwardingConfig(
        logger=logging.getLogger("temporalio.core"),
        append_target_to_name=False,
        append_log_fields_to_message=False,
    )
    errors_only = LoggingConfig(
        filter=TelemetryFilter(core_level="ERROR", other_level="ERROR"), forwarding=forwarding
    )
    if metrics_address is None:
        return TelemetryConfig(logging=errors_only)
    return TelemetryConfig(
        logging=errors_only,
        metrics=PrometheusConfig(bind_address=metrics_address, durations_as_seconds=True),
        attach_service_name=False,
    )
