"""The label reaches who ships: one mail a shipment, whatever happens on the way."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import typer
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.enums.v1 import EventType
from temporalio.api.workflowservice.v1 import ResetWorkflowExecutionRequest

from activities.label_promise import STEP
from ml_connector.http.faults import Fault
from ml_connector.store.audit_chain import AuditEvent
from ml_connector.store.operations import Operation
from ml_connector.store.states import OperationState
from starter import label_send
from starter.errors import CommandError, explain
from starter.groups import command_group
from tests.e2e.test_order import activities_of
from tests.mail_server import MailServer
from tests.searched import searched
from tests.stage import Stage, order_line

DEPOT, OFFICE = "depot@nordic.example", "office@nordic.example"
SUPPLIER = "dispatch@sup-de.example"
"""What the sandbox's order names as its supplier contact."""


@pytest.fixture(scope="module")
async def post_office() -> AsyncIterator[MailServer]:
    async with MailServer() as server:
        yield server


@pytest.fixture
def mailbox(post_office: MailServer) -> MailServer:
    """The mail server, empty and well."""
    post_office.be_well()
    return post_office


@pytest.fixture(scope="module")
async def mailing(
    post_office: MailServer, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Stage]:
    """An installation that sends mail."""
    home = tmp_path_factory.mktemp("mailing")
    async with searched(Stage(home=home, further=post_office.environment)) as stage:
        yield stage


async def shipped(stage: Stage, tenant: str, label_to: object, **values: Any) -> str:
    """An order of a new tenant that has its label, and whose workflow waits; its number."""
    await stage.add_tenant(tenant, shipping={"label_to": label_to})
    number = await stage.order(tenant, **values)
    await stage.discover(tenant)
    await stage.at(tenant, number, "label_created")
    await stage.idle(tenant, number)
    return number


async def mails(stage: Stage, tenant: str, number: str) -> dict[str, Operation]:
    """The operations of an order's mails, by what follows the step in their key."""
    async with stage.store.read(tenant) as view:
        known = await view.operations.history(number)
    return {each.key.split(f"/{STEP}/")[1]: each for each in known if each.step == STEP}


async def found(stage: Stage, tenant: str, number: str, code: str) -> str:
    """Wait for a finding; its text."""

    async def there() -> str | None:
        finding = (await stage.findings(tenant, number)).get(code)
        return finding.message if finding else None

    return await stage.until(there)


async def audit(stage: Stage, tenant: str, action: str) -> list[AuditEvent]:
    async with stage.store.read(tenant) as view:
        return list(await view.audit.show(action=action))


async def arrives(stage: Stage, tenant: str, number: str) -> None:
    """The order's parcel is delivered, and the order ends well."""
    await stage.deliver(tenant)
    row = await stage.finished(tenant, number)
    assert (row.stage, row.attention) == ("completed", None)


async def test_labels_and_instructions_go_to_a_list(mailing: Stage, mailbox: MailServer) -> None:
    number = await shipped(mailing, "list", [DEPOT, OFFICE], lines=2)
    [mail] = mailbox.received
    assert (mail.sender, mail.recipients) == ("labels@nordic.example", (DEPOT, OFFICE))
    assert number in mail.message["Subject"]
    assert "List AS" in mail.text

    row = await mailing.row("list", number)
    assert row is not None
    assert row.master_tracking is not None
    assert row.master_tracking in mail.text
    [shipment] = await mailing.generations("list", number)
    async with mailing.store.read("list") as view:
        labels = [(await view.blobs.get(each["blob"])).content for each in shipment.documents]
    assert list(mail.files.values()) == labels
    assert all(name in mail.text for name in mail.files)

    [(key, operation)] = (await mails(mailing, "list", number)).items()
    assert (key, operation.state) == ("1", OperationState.SUCCEEDED)
    assert operation.result == {
        "message_id": mail.message["Message-ID"],
        "reply": "2.0.0 queued as 4711",
    }
    assert await mailing.findings("list", number) == {}
    await arrives(mailing, "list", number)
    assert mailbox.attempts == 1


async def test_the_audit_knows_whom_without_naming_them(
    mailing: Stage, mailbox: MailServer
) -> None:
    await shipped(mailing, "audit", [DEPOT])
    [event] = await audit(mailing, "audit", "label:mailed")
    assert event.detail["to"] == ["d***@nordic.example"]
    assert DEPOT not in json.dumps(event.detail)
    assert event.body_digest is not None
    async with mailing.store.read("audit") as view:
        body = await view.audit.body(event.seq)
        assert await view.audit.verify() is None
    assert body is not None
    assert json.loads(body)["recipients"] == [DEPOT]


async def test_the_supplier_gets_the_label_of_an_order_across_a_border(
    mailing: Stage, mailbox: MailServer
) -> None:
    await shipped(mailing, "supplier-mail", "supplier")
    [mail] = mailbox.received
    assert mail.recipients == (SUPPLIER,)
    assert "The goods go from DE to NO." in mail.text
    assert "3 copies, and sign each" in mail.text


@pytest.mark.parametrize(
    ("tenant", "address"), [("no-address", ""), ("bad-address", "ask Robin for it")]
)
async def test_a_supplier_without_an_address_is_a_finding_and_the_order_goes_on(
    mailing: Stage, mailbox: MailServer, tenant: str, address: str
) -> None:
    number = await shipped(mailing, tenant, "supplier", remitContact={"email": address})
    await found(mailing, tenant, number, "label_address_missing")
    assert (await mails(mailing, tenant, number))["1"].state is OperationState.INTENDED
    await arrives(mailing, tenant, number)
    assert mailbox.attempts == 0


async def test_a_refusing_server_is_a_finding_and_the_order_goes_on(
    mailing: Stage, mailbox: MailServer
) -> None:
    mailbox.refuses[DEPOT] = f"550 5.1.1 <{DEPOT}> unknown"
    number = await shipped(mailing, "refused", [DEPOT])
    message = await found(mailing, "refused", number, "label_mail_refused")
    assert "550 5.1.1 <***> unknown" in message
    assert (await mails(mailing, "refused", number))["1"].state is OperationState.REJECTED
    mailbox.be_well()
    await arrives(mailing, "refused", number)
    assert mailbox.attempts == 0


async def test_one_refused_address_does_not_keep_the_others_from_it(
    mailing: Stage, mailbox: MailServer
) -> None:
    mailbox.refuses[DEPOT] = "550 5.1.1 unknown"
    number = await shipped(mailing, "partly", [DEPOT, OFFICE])
    assert [mail.recipients for mail in mailbox.received] == [(OFFICE,)]
    message = await found(mailing, "partly", number, "label_address_refused")
    assert "d***@nordic.example" in message
    assert DEPOT not in message


async def test_a_server_that_is_away_is_asked_again_until_it_is_back(
    mailing: Stage, mailbox: MailServer
) -> None:
    mailbox.answer = "451 4.3.0 try later"
    number = await shipped(mailing, "patient", [DEPOT])
    await found(mailing, "patient", number, "label_mail_waits")
    assert mailbox.received == []
    mailbox.be_well()

    async def taken() -> bool:
        return (await mails(mailing, "patient", number))["1"].state is OperationState.SUCCEEDED

    await mailing.until(taken)
    assert await mailing.findings("patient", number) == {}
    await arrives(mailing, "patient", number)
    assert len(mailbox.received) == 1


async def test_once_the_parcel_moves_nobody_needs_its_label_any_more(
    mailing: Stage, mailbox: MailServer
) -> None:
    mailbox.answer = "451 4.3.0 try later"
    number = await shipped(mailing, "moves", [DEPOT])
    await arrives(mailing, "moves", number)
    assert mailbox.received == []
    assert "label_mail_waits" in await mailing.findings("moves", number)


async def test_a_lost_answer_is_not_repeated_not_even_by_a_reset(
    mailing: Stage, mailbox: MailServer
) -> None:
    mailbox.hangs_up = True
    number = await shipped(mailing, "lost", [DEPOT])
    await found(mailing, "lost", number, "label_mail_unknown")
    assert (await mails(mailing, "lost", number))["1"].state is OperationState.UNKNOWN
    mailbox.hangs_up = False
    await reset(mailing, "lost", number)
    await arrives(mailing, "lost", number)
    assert mailbox.attempts == 1
    assert "label_mail_unknown" in await mailing.findings("lost", number)


async def test_a_sender_that_died_leaves_the_outcome_open(
    mailing: Stage, mailbox: MailServer
) -> None:
    mailbox.answer = "451 4.3.0 try later"
    number = await shipped(mailing, "died", [DEPOT])
    await found(mailing, "died", number, "label_mail_waits")
    await mailing.stop_worker()
    tried = mailbox.attempts
    mailbox.be_well()
    async with mailing.store.write("died") as view:
        soon = datetime.now(UTC) + timedelta(milliseconds=300)
        await view.operations.mark_sent(f"died/{number}/{STEP}/1", soon)
    mailing.start_worker()
    await found(mailing, "died", number, "label_mail_unknown")
    assert tried > 0
    assert mailbox.attempts == 0


async def test_a_reset_order_sends_no_second_mail(mailing: Stage, mailbox: MailServer) -> None:
    number = await shipped(mailing, "reset", [DEPOT])
    assert len(mailbox.received) == 1
    await reset(mailing, "reset", number)
    await arrives(mailing, "reset", number)
    await reset(mailing, "reset", number)
    await mailing.closed("reset", number)
    assert mailbox.attempts == 1
    assert len(await mailing.shipments(number)) == 1


async def test_a_new_label_says_that_it_replaces_the_old_one(
    mailing: Stage, mailbox: MailServer
) -> None:
    number = await shipped(mailing, "anew", [DEPOT])
    await mailing.edit("anew", number, lines=[order_line(orderQty=7, lineNumber=1)])
    await mailing.discover("anew")

    async def twice() -> bool:
        return len(mailbox.received) == 2

    await mailing.until(twice)
    first, second = mailbox.received
    assert "Destroy" not in first.text
    assert "Destroy" in second.text
    assert first.message["Message-ID"] != second.message["Message-ID"]
    assert first.files.keys().isdisjoint(second.files)


async def test_nobody_asked_so_nothing_is_promised(mailing: Stage, mailbox: MailServer) -> None:
    number = await shipped(mailing, "quiet", "none")
    history = await mailing.history("quiet", number)
    assert "send_label" not in activities_of(history)
    assert await mails(mailing, "quiet", number) == {}
    # Wishing for mails later sends none for labels that are out already.
    await mailing.apply("quiet", shipping={"label_to": [DEPOT]})
    await reset(mailing, "quiet", number)
    await arrives(mailing, "quiet", number)
    assert mailbox.attempts == 0


async def test_an_installation_without_a_mail_server_says_so(stage: Stage) -> None:
    number = await shipped(stage, "unconfigured", [DEPOT])
    await found(stage, "unconfigured", number, "label_mail_not_configured")
    await arrives(stage, "unconfigured", number)


# -- label send ---------------------------------------------------------------------------------


@pytest.fixture
def label(
    mailing: Stage, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Any:
    """Runs `label send …` of this installation; what it prints."""
    for name, value in mailing.environment.items():
        monkeypatch.setenv(name, value)
    group = command_group("label", "Labels.")
    label_send.register(group)

    async def run(*arguments: str) -> Any:
        capsys.readouterr()
        code = await asyncio.to_thread(group, ["send", *arguments, "--json"], standalone_mode=False)
        return {**json.loads(capsys.readouterr().out), "exit": code}

    return run


async def refusal(run: Any, *arguments: str) -> CommandError:
    with pytest.raises((CommandError, Fault, typer.TyperException)) as caught:
        await run(*arguments)
    problem = explain(caught.value)
    assert problem is not None
    return problem


async def test_a_person_sends_it_again(mailing: Stage, mailbox: MailServer, label: Any) -> None:
    number = await shipped(mailing, "again", [DEPOT])
    said = await label(f"again/{number}", "--reason", "supplier lost it")
    assert said["exit"] == 0
    assert said["sent_to"] == ["d***@nordic.example"]
    assert said["operation"] == f"again/{number}/{STEP}/1/2"
    first, second = mailbox.received
    assert first.files == second.files
    assert first.message["Message-ID"] != second.message["Message-ID"]
    assert "on request" in second.text
    assert (await mails(mailing, "again", number)).keys() == {"1", "1/2"}
    assert len(await mailing.shipments(number)) == 1
    *_, event = await audit(mailing, "again", "label:mailed")
    assert event.detail["reason"] == "supplier lost it"
    assert event.actor.startswith("cli:")


async def test_a_sender_that_died_is_no_worry_once_a_person_has_sent_it(
    mailing: Stage, mailbox: MailServer, label: Any
) -> None:
    mailbox.answer = "451 4.3.0 try later"
    number = await shipped(mailing, "outlived", [DEPOT])
    await found(mailing, "outlived", number, "label_mail_waits")
    await mailing.stop_worker()
    mailbox.be_well()
    async with mailing.store.write("outlived") as view:
        await view.operations.mark_sent(f"outlived/{number}/{STEP}/1", datetime.now(UTC))
    await label(f"outlived/{number}", "--reason", "the worker died")
    mailing.start_worker()

    async def given_up() -> bool:
        known = await mails(mailing, "outlived", number)
        return known["1"].state is OperationState.UNKNOWN

    await mailing.until(given_up)
    assert await mailing.findings("outlived", number) == {}
    assert mailbox.attempts == 1


async def test_a_named_address_makes_up_for_a_missing_one(
    mailing: Stage, mailbox: MailServer, label: Any
) -> None:
    number = await shipped(mailing, "named", "supplier", remitContact={"email": ""})
    await found(mailing, "named", number, "label_address_missing")
    problem = await refusal(label, f"named/{number}", "--reason", "try")
    assert (problem.code, problem.exit_code) == ("label_address_missing", 1)
    said = await label(f"named/{number}", "--to", OFFICE, "--reason", "no address in Visma")
    assert said["operation"] == f"named/{number}/{STEP}/1", "the promised mail is this one"
    assert [mail.recipients for mail in mailbox.received] == [(OFFICE,)]
    assert await mailing.findings("named", number) == {}


async def test_what_a_server_says_decides_how_the_command_ends(
    mailing: Stage, mailbox: MailServer, label: Any
) -> None:
    number = await shipped(mailing, "ends", [DEPOT, OFFICE])
    name = f"ends/{number}"
    mailbox.answer = "554 5.7.1 no"
    assert (await refusal(label, name, "--reason", "r")).exit_code == 1
    mailbox.answer = "451 4.3.0 later"
    assert (await refusal(label, name, "--reason", "r")).exit_code == 4
    mailbox.be_well()
    mailbox.refuses[OFFICE] = "550 5.1.1 unknown"
    said = await label(name, "--reason", "r")
    assert (said["exit"], said["refused"]) == (1, ["o***@nordic.example"])
    mailbox.hangs_up = True
    assert (await refusal(label, name, "--reason", "r")).exit_code == 4
    states = {key: each.state.value for key, each in (await mails(mailing, "ends", number)).items()}
    assert states == {
        "1": "succeeded",
        "1/2": "rejected",
        "1/3": "succeeded",  # tried in vain at first, then taken for one of two
        "1/4": "unknown",
    }


@pytest.mark.parametrize(
    ("arguments", "code", "exit_code"),
    [
        (["--reason", " "], "no_reason", 2),
        (["--reason", "r", "--to", "office"], "mail_address", 2),
        ([], "command_line", 2),
    ],
)
async def test_wrong_usage_is_told(
    label: Any, arguments: list[str], code: str, exit_code: int
) -> None:
    problem = await refusal(label, "again/1", *arguments)
    assert (problem.code, problem.exit_code) == (code, exit_code)


async def test_without_a_mail_server_the_command_says_what_to_set(
    label: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ML_CONNECTOR_SMTP_URL")
    monkeypatch.delenv("ML_CONNECTOR_SMTP_FROM")
    problem = await refusal(label, "again/1", "--reason", "r")
    assert (problem.code, problem.exit_code) == ("label_mail_not_configured", 2)


async def test_an_order_without_a_label_cannot_be_mailed(
    mailing: Stage, mailbox: MailServer, label: Any
) -> None:
    await mailing.add_tenant("unshipped", shipping={"label_to": [DEPOT]})
    number = await mailing.order("unshipped", hold=True)
    await mailing.discover("unshipped")
    problem = await refusal(label, f"unshipped/{number}", "--reason", "r")
    assert (problem.code, problem.exit_code) == ("not_shipped", 1)


async def reset(stage: Stage, tenant: str, number: str) -> None:
    """Back to the beginning, as `temporal workflow reset` does it."""
    handle = stage.workflow(tenant, number)
    history = await handle.fetch_history()
    first = next(
        event.event_id
        for event in history.events
        if event.event_type == EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED
    )
    await stage.client.workflow_service.reset_workflow_execution(
        ResetWorkflowExecutionRequest(
            namespace=stage.client.namespace,
            workflow_execution=WorkflowExecution(workflow_id=handle.id),
            reason="a test",
            workflow_task_finish_event_id=first,
            request_id=f"{handle.id}-{first}-{len(history.events)}",
        )
    )
