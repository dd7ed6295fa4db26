"""`ml-connector keys`: the master keys that everything sealed hangs on."""

import asyncio
from typing import Annotated

import typer

from ml_connector.security.keys import MasterKeys
from ml_connector.store import rotation
from starter.context import Installation
from starter.errors import ExitCode
from starter.groups import Reason, command_group
from starter.output import AsJson, show, table, talk

app = command_group(
    "keys", "The master keys that everything sealed hangs on; never their material."
)


def register(root: typer.Typer) -> None:
    root.add_typer(app)


@app.command("list")
def list_(as_json: AsJson = False) -> None:
    """List the master keys by id: which is current, which are loaded, which are still needed.

    Ends with 1 when data is sealed under a key that is not loaded here.

    \b
    Examples:
      ml-connector keys list
    """
    raise typer.Exit(asyncio.run(_list(as_json)))


async def _list(as_json: bool) -> int:
    async with Installation.open() as here:
        store = await here.store()
        rows = _rows(here.keys, await store.master_keys_in_use())
        source = here.keys.source
    show(
        {"source": source or "environment", "keys": rows},
        lambda: table(
            "KEY",
            "CURRENT",
            "LOADED",
            "IN USE",
            rows=[tuple(row.values()) for row in rows],
            empty="",
        ),
        as_json=as_json,
    )
    return ExitCode.DONE if all(row["loaded"] for row in rows) else ExitCode.REFUSED


def _rows(keys: MasterKeys, in_use: frozenset[str]) -> list[dict[str, object]]:
    known = keys.ids()
    return [
        {
            "key": key,
            "current": key == keys.current.id,
            "loaded": key in known,
            "in_use": key in in_use,
        }
        for key in (*known, *sorted(in_use - set(known)))
    ]


@app.command()
def rotate(
    reason: Reason,
    retire: Annotated[
        bool,
        typer.Option("--retire", help="Then take the older keys out of the key file."),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Move everything sealed to the current master key; make a new one if all is there already.

    Data keys, tokens and the keys of Temporal's payloads are wrapped anew; workers go on
    undisturbed and read the new key from the key file. Run again after an interruption, it
    finishes what was begun. Keys from ML_CONNECTOR_MASTER_KEY are made by hand: put the new one
    on the first line, restart, then run this. Back up the key file: without its keys nothing
    sealed can be read.

    \b
    Examples:
      ml-connector keys rotate --reason "yearly"
      ml-connector keys rotate --reason "an administrator left" --retire
    """
    asyncio.run(_rotate(reason, retire, as_json))


async def _rotate(reason: str, retire: bool, as_json: bool) -> None:
    async with Installation.open() as here:
        store, keys = await here.store(), here.keys
        done = await rotation.rotate(store, keys, actor=here.actor, reason=reason)
        retired: tuple[str, ...] = ()
        if retire:
            retired = await rotation.retire(store, keys, actor=here.actor, reason=reason)
    value = {
        "current": done.current,
        "made": done.current if done.made else None,
        "moved": done.moved,
        "older": [key for key in done.older if key not in retired],
        "retired": retired,
    }
    what = "made, and current" if done.made else "current"
    show(
        value,
        lambda: f"Master key {done.current}: {what}; {done.moved} values moved to it.",
        as_json=as_json,
    )
    if retired:
        talk(f"No longer in the key file: {', '.join(retired)}.")
    elif done.older:
        talk(f"Still readable: {', '.join(done.older)}. --retire takes them out of the key file.")
