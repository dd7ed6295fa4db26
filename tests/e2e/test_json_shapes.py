"""Names and kinds of what every command prints under `--json`: what scripts rely on.

`json_shapes.json` is the contract. A key more is a promise, a key less breaks somebody's script, so
both are deliberate: the test says how to take the new shapes over.
"""

import json
import re
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from starter.groups import commands_of
from starter.main import app
from tests.e2e.command_line import Operator
from tests.mail_server import MailServer
from tests.stage import Stage

CONTRACT = Path(__file__).with_name("json_shapes.json")
EXAMPLE = Path(__file__).parents[2] / "examples" / "nordic.toml"
TENANT = "shapes"
WHY = ("--reason", "a test")
ONE_LINE = {"up", "worker", "codec-server", "sandbox"}
"""They print one line once they are ready: tests/unit/starter/test_running.py and
test_walkthrough.py read it."""
ELSEWHERE = {"demo": "tests/e2e/test_demo.py", "keys rotate": "tests/unit/starter/test_keys.py"}
FREE = {"detail", "subaccount", "default_subaccount", "stages", "ship_via", "result"}
"""Keys whose values have keys of their own: by event, company or operation."""
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")
_DATE = re.compile(r"\d{4}-\d\d-\d\d")

Run = Callable[..., Awaitable[None]]


def shape(value: object) -> object:
    """Keys and kinds; the items of a list are taken together."""
    match value:
        case dict():
            return {key: "anything" if key in FREE else shape(value[key]) for key in sorted(value)}
        case list():
            kinds = [shape(item) for item in value]
            return [merged(kinds)] if kinds else []
        case str() if _TIME.fullmatch(value):
            return "time"
        case str() if _DATE.fullmatch(value):
            return "date"
        case str():
            return "text"
        case bool():
            return "yes or no"
    return "null" if value is None else type(value).__name__


def merged(kinds: list[object]) -> object:
    """One kind for all items of a list; where they differ, all of them."""
    if all(isinstance(kind, dict) for kind in kinds):
        keys = sorted({key for kind in kinds for key in kind})  # type: ignore[attr-defined]
        return {key: merged([kind.get(key, "absent") for kind in kinds]) for key in keys}  # type: ignore[attr-defined]
    different = {json.dumps(kind): kind for kind in kinds}
    return kinds[0] if len(different) == 1 else [different[key] for key in sorted(different)]


def commands() -> Iterator[str]:
    for name, command in commands_of(get_command(app)).items():
        below = commands_of(command)
        yield from [f"{name} {each}" for each in below] if below else [name]


def mine(data: Any) -> Any:
    """Of a listing over all tenants, this test's."""
    if isinstance(data, list) and data and "tenant" in data[0]:
        return [row for row in data if row["tenant"] == TENANT]
    return data


async def test_every_command_keeps_its_promise_to_scripts(
    stage: Stage, operator: Operator, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    found: dict[str, object] = {}

    async def run(*line: str, code: int = 0) -> None:
        ended = await operator(*line, "--json")
        assert ended.code == code, f"{line}: {ended.err}"
        lines = [json.loads(each) for each in ended.out.splitlines()] if "export" in line else None
        name = next(each for each in commands() if f"{' '.join(line)} ".startswith(f"{each} "))
        new = shape(mine(ended.data if lines is None else lines))
        found[name] = merged([found[name], new]) if name in found else new

    async with MailServer() as mailbox:
        for name, value in mailbox.environment.items():
            monkeypatch.setenv(name, value)
        await an_orders_life(stage, run, tmp_path)
    await an_installations_care(stage, run, monkeypatch, tmp_path)

    actual = tmp_path / CONTRACT.name
    actual.write_text(f"{json.dumps(found, indent=1, sort_keys=True)}\n", encoding="utf-8")
    assert found == json.loads(CONTRACT.read_text(encoding="utf-8")), (
        f"if it is meant: cp {actual} {CONTRACT}, and tell people in the changelog"
    )
    assert set(commands()) == found.keys() | ONE_LINE | ELSEWHERE.keys()


async def an_orders_life(stage: Stage, run: Run, tmp_path: Path) -> None:
    """From its discovery to its posted freight; another is called off, a third parked."""
    manual = {"release": "manual", "label_to": ["depot@nordic.example"]}
    await stage.add_tenant(TENANT, shipping=manual)
    number, other = await stage.orders(TENANT, 2, lines=2)
    order = f"{TENANT}/{number}"
    address = {"addressLine1": "Storgata 1", "city": "Oslo", "countryId": "NO", "postalCode": ""}
    parked = await stage.order(TENANT, shippingAddress=address)
    await stage.discover(TENANT)
    await stage.at(TENANT, parked, "needs_attention")
    for each in (number, other):
        await stage.at(TENANT, each, "waiting_release")
    await run("attention", "list", "--tenant", TENANT)
    await run("po", "plan", order)
    for each in (number, other):
        await run("po", "ship", f"{TENANT}/{each}")
        await stage.at(TENANT, each, "label_created")
        await stage.idle(TENANT, each)
    await run("po", "cancel", f"{TENANT}/{other}", *WHY)
    await run("label", "save", order, "-o", str(tmp_path / "label.pdf"))
    await run("label", "send", order, *WHY)
    await run("quote", order)
    await run("po", "replay", order, "--from", "track", *WHY)
    await stage.deliver(TENANT)
    posted = await stage.finished(TENANT, number)
    await run("po", "list", "--tenant", TENANT)
    await run("po", "show", order)
    await run("po", "show", f"{TENANT}/{parked}")
    await run("explain", order)
    [posting] = await stage.postings(TENANT, number)
    period = f"{posting.period[:4]}-{posting.period[4:]}"
    await run("freight", "report", "--tenant", TENANT, "--period", period)
    await run("freight", "reverse", order, *WHY)
    assert posted.journal_batch
    await run("attention", "resume", "--tenant", TENANT, "--attention", *WHY)
    await run("audit", "show", "--tenant", TENANT, "--action", "order:release")
    await run("audit", "verify", "--tenant", TENANT)
    await run("audit", "export", "--tenant", TENANT)


async def an_installations_care(
    stage: Stage, run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Tenants, their credentials and schedules, and the installation itself."""
    await run("schedule", "list", "--tenant", TENANT)
    await run("schedule", "apply", "--tenant", TENANT)
    await run("schedule", "pause", "--tenant", TENANT, *WHY)
    await run("schedule", "trigger", "cutoff", "--tenant", TENANT)
    await run("schedule", "resume", "--tenant", TENANT, *WHY)
    await run("tenant", "list")
    await run("tenant", "show", TENANT)
    await run("tenant", "ping", TENANT)
    await run("credentials", "test", TENANT)
    async with stage.store.read(TENANT) as view:
        account = {"number": await view.secrets.get("fedex.account_number"), "currency": "NOK"}
    for verb in ("set", "rotate"):
        new = {"client_id": f"shapes-{verb}", "client_secret": f"secret-{verb}"}
        await stage.fedex("POST", "credentials", accounts=[account], **new)
        for key, value in new.items():
            monkeypatch.setenv(key.upper(), value)
        sources = [word for key in new for word in ("--env", f"fedex.{key}={key.upper()}")]
        await run("credentials", verb, TENANT, *sources)
    for secret in ("VISMA_ID", "VISMA_SECRET", "FEDEX_ACCOUNT", "FEDEX_KEY", "FEDEX_SECRET"):
        monkeypatch.setenv(f"NORDIC_{secret}", "740561073")
    file = tmp_path / "new.toml"
    file.write_text(EXAMPLE.read_text().replace('id = "nordic"', 'id = "shapes-new"', 1))
    await run("tenant", "apply", str(file))
    await run("tenant", "remove", "shapes-new", *WHY)
    await run("token", "status")
    await run("keys", "list")
    await run("doctor", "--only", "database", "--only", "worker")
