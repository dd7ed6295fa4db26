"""The exit codes are a contract with scripts, so every known error is in this table."""

import sqlite3
from datetime import timedelta

import pytest
from sqlalchemy.exc import OperationalError
from temporalio.service import RPCError, RPCStatusCode

from ml_connector.http import faults
from ml_connector.sandbox.errors import PortInUse as SandboxPortInUse
from ml_connector.security.keys import MasterKeyError
from ml_connector.settings import SettingsError
from ml_connector.store.errors import NestedWrite, UnknownTenant, UnsupportedDatabase
from ml_connector.temporal import errors as temporal
from starter.errors import CommandError, ExitCode, OurFault, Refused, explain

REFUSED, USAGE = ExitCode.REFUSED, ExitCode.USAGE
CREDENTIALS, OTHER_SIDE = ExitCode.CREDENTIALS, ExitCode.OTHER_SIDE

TABLE: list[tuple[Exception, ExitCode, str]] = [
    (faults.TransientFault("x"), OTHER_SIDE, "transient_fault"),
    (faults.ThrottledFault("x", retry_after=timedelta(1)), OTHER_SIDE, "throttled_fault"),
    (faults.OutcomeUnknownFault("x"), OTHER_SIDE, "outcome_unknown_fault"),
    (faults.CredentialsFault("x"), CREDENTIALS, "credentials_fault"),
    (faults.RejectedFault("x", code="ACCOUNT.INVALID"), REFUSED, "ACCOUNT.INVALID"),
    (temporal.TemporalUnavailable("x"), OTHER_SIDE, "temporal_unavailable"),
    (temporal.TemporalRefused("x"), CREDENTIALS, "temporal_refused"),
    (temporal.TemporalSettingsWrong("x"), USAGE, "temporal_settings_wrong"),
    (temporal.SearchAttributesMissing("x"), REFUSED, "search_attributes_missing"),
    (temporal.PortInUse(7233, "Temporal"), USAGE, "port_in_use"),
    (temporal.HomeInUse("x"), REFUSED, "home_in_use"),
    (temporal.DevServerFailed("x"), OTHER_SIDE, "dev_server_failed"),
    (SandboxPortInUse(18080), USAGE, "port_in_use"),
    (SettingsError("x"), USAGE, "settings"),
    (MasterKeyError("x"), USAGE, "master_key"),
    (UnsupportedDatabase("x"), USAGE, "database_url"),
    (UnknownTenant("x"), REFUSED, "unknown_tenant"),
    (
        OperationalError("SELECT 1", {}, sqlite3.OperationalError("database is locked")),
        OTHER_SIDE,
        "database_unavailable",
    ),
    (RPCError("x", RPCStatusCode.UNAVAILABLE, b""), OTHER_SIDE, "temporal_unavailable"),
    (RPCError("x", RPCStatusCode.UNKNOWN, b""), OTHER_SIDE, "temporal_unavailable"),
    (RPCError("x", RPCStatusCode.INTERNAL, b""), OTHER_SIDE, "temporal_unavailable"),
    (RPCError("x", RPCStatusCode.RESOURCE_EXHAUSTED, b""), OTHER_SIDE, "temporal_unavailable"),
    (RPCError("x", RPCStatusCode.PERMISSION_DENIED, b""), CREDENTIALS, "temporal_refused"),
    (RPCError("x", RPCStatusCode.NOT_FOUND, b""), REFUSED, "temporal_not_found"),
]


@pytest.mark.parametrize(
    ("error", "exit_code", "code"), TABLE, ids=[type(row[0]).__name__ for row in TABLE]
)
def test_exit_code_and_id(error: Exception, exit_code: ExitCode, code: str) -> None:
    problem = explain(error)
    assert problem is not None
    assert (problem.exit_code, problem.code) == (exit_code, code)
    assert str(problem).endswith(f"[{code}]")


def test_every_kind_of_fault_is_in_the_table() -> None:
    named = {type(error) for error, _, _ in TABLE}
    for module in (faults, temporal):
        for kind in vars(module).values():
            if isinstance(kind, type) and issubclass(kind, faults.Fault):
                covered = kind in named or any(issubclass(known, kind) for known in named)
                assert covered or kind is temporal.UnreadablePayload, kind


@pytest.mark.parametrize(
    "error",
    [
        ValueError("x"),
        OperationalError("SELECT 1", {}, sqlite3.OperationalError("no such table: orders")),
        NestedWrite("x"),
        RPCError("x", RPCStatusCode.INVALID_ARGUMENT, b""),
    ],
)
def test_what_we_do_not_know_is_a_defect_of_ours(error: Exception) -> None:
    assert explain(error) is None


def test_a_lone_error_is_found_in_its_group() -> None:
    group = ExceptionGroup("tasks", [ExceptionGroup("more", [SettingsError("bad window")])])
    problem = explain(group)
    assert problem is not None
    assert problem.what == "bad window"
    assert explain(ExceptionGroup("tasks", [SettingsError("a"), ValueError("b")])) is None


def test_a_message_reads_what_why_what_to_do_and_id() -> None:
    problem = Refused("It broke", why="It was old.", remedy="Buy another", code="broken")
    assert str(problem) == "It broke. It was old. Buy another. [broken]"


def test_several_problems_stand_below_each_other() -> None:
    problem = Refused("Two are wrong", code="wrong", details=["this", "that"])
    assert str(problem) == "Two are wrong. [wrong]\n  - this\n  - that"


def test_each_kind_has_an_exit_code_of_its_own() -> None:
    codes = [
        kind.exit_code
        for kind in CommandError.__subclasses__()
        if kind.__module__ == "starter.errors"
    ]
    assert sorted(codes) == [1, 2, 3, 4, 5]
    assert OurFault.exit_code == 5
