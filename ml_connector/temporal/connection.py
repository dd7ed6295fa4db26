"""Connecting to Temporal: settings from its own environment variables, patience, clear errors.

The settings are those every Temporal tool reads (`temporalio.envconfig`): `TEMPORAL_ADDRESS`,
`TEMPORAL_NAMESPACE`, `TEMPORAL_API_KEY`, `TEMPORAL_TLS_…`, and profiles in a TOML file chosen by
`TEMPORAL_PROFILE` and `TEMPORAL_CONFIG_FILE`. So one profile serves us and the `temporal` command.
"""

import asyncio
import os
import socket
import time
from collections.abc import Mapping, Sequence
from datetime import timedelta

from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest
from temporalio.client import Client, Interceptor
from temporalio.envconfig import ClientConfig, ClientConnectConfig
from temporalio.runtime import Runtime
from temporalio.service import RPCError, RPCStatusCode

from ml_connector.http.faults import Fault
from ml_connector.security.keys import MasterKeys
from ml_connector.security.payload_keys import KeyArchive
from ml_connector.temporal.converter import data_converter
from ml_connector.temporal.errors import (
    TemporalRefused,
    TemporalSettingsWrong,
    TemporalUnavailable,
)
from ml_connector.temporal.runtime import runtime as default_runtime

DEFAULT_ADDRESS = "localhost:7233"
PATIENCE = timedelta(seconds=10)
"""How long a start may wait for a server that is starting too."""

_ONE_TRY = timedelta(seconds=10)
_FIRST_PAUSE = timedelta(milliseconds=100)
_LONGEST_PAUSE = timedelta(seconds=2)


def connection_settings(
    environ: Mapping[str, str] | None = None,
    *,
    address: str | None = None,
    namespace: str | None = None,
) -> ClientConnectConfig:
    """The settings to connect with; `address` and `namespace` win over the environment.

    Raises TemporalSettingsWrong for an unknown profile, a broken file, a missing certificate or
    an address that is a URL.
    """
    variables = dict(os.environ if environ is None else environ)
    try:
        settings = ClientConfig.load_client_connect_config(
            profile=variables.get("TEMPORAL_PROFILE"), override_env_vars=variables
        )
    except (RuntimeError, ValueError, OSError) as error:
        raise TemporalSettingsWrong(
            "The settings for Temporal cannot be read.",
            why=str(error),
            remedy="Check the TEMPORAL_ variables and the profile's TOML file.",
        ) from error
    settings["target_host"] = address or settings.get("target_host") or DEFAULT_ADDRESS
    if "://" in settings["target_host"]:
        raise _not_an_address(settings["target_host"], "It has a scheme.")
    settings["namespace"] = namespace or settings.get("namespace") or "default"
    return settings


async def connect(
    keys: MasterKeys,
    *,
    archive: KeyArchive | None = None,
    environ: Mapping[str, str] | None = None,
    address: str | None = None,
    namespace: str | None = None,
    patience: timedelta = PATIENCE,
    interceptors: Sequence[Interceptor] = (),
    runtime: Runtime | None = None,
    identity: str | None = None,
) -> Client:
    """A client whose payloads are encrypted, proven by one call to its namespace.

    `archive` has the payload keys of master keys that are gone. Tries again for `patience` while
    nobody answers. Raises TemporalUnavailable after that; TemporalRefused and
    TemporalSettingsWrong at once, since waiting cures neither.
    """
    settings = connection_settings(environ, address=address, namespace=namespace)
    deadline = time.monotonic() + patience.total_seconds()
    pause = _FIRST_PAUSE
    while True:
        try:
            client = await Client.connect(
                **settings,
                data_converter=data_converter(keys, archive),
                interceptors=interceptors,
                runtime=runtime or default_runtime(),
                identity=identity or default_identity(),
                connect_timeout=_ONE_TRY,
            )
            await _prove(client)
            return client
        except (RuntimeError, ValueError, RPCError) as error:
            fault = _fault(error, settings)
            out_of_time = time.monotonic() + pause.total_seconds() > deadline
            if out_of_time or not isinstance(fault, TemporalUnavailable):
                raise fault from error
        await asyncio.sleep(pause.total_seconds())
        pause = min(pause * 2, _LONGEST_PAUSE)


async def connect_later(
    keys: MasterKeys, *, archive: KeyArchive | None = None, runtime: Runtime | None = None
) -> Client:
    """The same client for those who may not need it: it connects with its first call.

    Raises TemporalSettingsWrong; nothing else, as nobody is asked yet.
    """
    return await Client.connect(
        **connection_settings(),
        data_converter=data_converter(keys, archive),
        runtime=runtime or default_runtime(),
        identity=default_identity(),
        connect_timeout=_ONE_TRY,
        lazy=True,
    )


def default_identity() -> str:
    """Who we are in the Web UI: `{process}@{host}`. Short, for nearly every event repeats it."""
    return f"{os.getpid()}@{socket.gethostname()}"


async def _prove(client: Client) -> None:
    """Connecting does not look at the namespace; the first real call does."""
    await client.workflow_service.describe_namespace(
        DescribeNamespaceRequest(namespace=client.namespace), timeout=_ONE_TRY
    )


def _fault(error: Exception, settings: ClientConnectConfig) -> Fault:
    address, namespace = settings.get("target_host"), settings.get("namespace")
    status = error.status if isinstance(error, RPCError) else None
    if status is RPCStatusCode.NOT_FOUND:
        return TemporalSettingsWrong(
            f"Temporal at {address} has no namespace {namespace!r}.",
            remedy="Set TEMPORAL_NAMESPACE, or create it: "
            f"temporal operator namespace create --namespace {namespace}",
        )
    if status in (RPCStatusCode.UNAUTHENTICATED, RPCStatusCode.PERMISSION_DENIED):
        return TemporalRefused(
            f"Temporal at {address} refuses us.",
            why=str(error),
            remedy="Check TEMPORAL_API_KEY or the client certificate of the profile.",
        )
    if isinstance(error, ValueError):
        return _not_an_address(address, str(error))
    return TemporalUnavailable(
        f"Temporal does not answer at {address}.",
        why=reason_of(error),
        remedy="Start it (`ml-connector up` brings its own), or set TEMPORAL_ADDRESS.",
    )


def _not_an_address(address: str | None, why: str) -> TemporalSettingsWrong:
    return TemporalSettingsWrong(
        f"{address!r} is not an address of a Temporal server.",
        why=why,
        remedy="Set TEMPORAL_ADDRESS to host:port.",
    )


def reason_of(error: Exception) -> str:
    """The cause in a few words; the native client wraps it in its own type names."""
    text = str(error)
    known = {
        "Connection refused": "Nothing listens there.",
        "dns error": "The host name is not known.",
        "certificate": "The TLS handshake failed.",
        "deadline": "The time for an answer ran out.",
        "timed out": "The time for an answer ran out.",
    }
    return next((words for mark, words in known.items() if mark.lower() in text.lower()), text)
