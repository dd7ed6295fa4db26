"""The example tenant files, pointed at the simulators and made fast, and applied as usual."""

import asyncio
import json
import os
import sys
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ml_connector.domain.tenant import Tenant, load_tenant
from starter.errors import OurFault, Refused

EXAMPLES = Path(__file__).parents[2] / "examples"

_FAST: Mapping[str, Mapping[str, Any]] = {
    "polling": {
        "discovery": "2s",
        "tracking": "1s",
        "due": {
            "label_created": "300ms",
            "in_transit": "300ms",
            "out_for_delivery": "300ms",
            "exception": "300ms",
        },
        "recheck": "3s",
    },
    "retry": {"initial": "200ms", "maximum": "2s", "recovery_wait": "1s"},
}
"""Waits of minutes and hours as seconds; everything else stays as the example has it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TenantFile:
    """A tenant file of this run, and what it says."""

    path: Path
    tenant: Tenant


def write_tenant_file(name: str, folder: Path, *, fedex_url: str, visma_url: str) -> TenantFile:
    """Merge the demo's addresses and waits into `examples/{name}.toml`."""
    source = EXAMPLES / f"{name}.toml"
    try:
        example = tomllib.loads(source.read_text(encoding="utf-8"))
    except OSError as error:
        raise Refused(
            f"The example tenant file {source} cannot be read",
            why="The demo uses the example files that come with the source code",
            remedy="Run it from a checkout: make demo",
            code="examples_missing",
        ) from error
    addresses = {
        "visma": {"api_url": visma_url, "token_url": f"{visma_url}/connect/token"},
        "fedex": {"api_url": fedex_url},
    }
    text = to_toml(merged(merged(example, _FAST), addresses))
    path = folder / f"{name}.toml"
    path.write_text(text, encoding="utf-8")
    return TenantFile(path=path, tenant=load_tenant(text))


def merged(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """`base` with what `over` says, table by table."""
    result = dict(base)
    for key, value in over.items():
        known = result.get(key)
        if isinstance(known, Mapping) and isinstance(value, Mapping):
            result[key] = merged(known, value)
        else:
            result[key] = value
    return result


def to_toml(tables: Mapping[str, Any]) -> str:
    """TOML text of nested tables of texts, numbers and booleans: all that a tenant file holds."""
    return "\n".join(_lines(tables, ())) + "\n"


def _lines(table: Mapping[str, Any], path: tuple[str, ...]) -> Iterator[str]:
    for key, value in table.items():
        if not isinstance(value, Mapping):
            # A JSON scalar is written the same in TOML.
            yield f"{json.dumps(key)} = {json.dumps(value, ensure_ascii=False)}"
    for key, value in table.items():
        if isinstance(value, Mapping):
            inner = (*path, key)
            yield f"\n[{'.'.join(json.dumps(part) for part in inner)}]"
            yield from _lines(value, inner)


async def apply(file: TenantFile, environment: Mapping[str, str]) -> None:
    """`ml-connector tenant apply FILE`, with the secrets in its environment and nowhere else."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "starter", "tenant", "apply", str(file.path), "--json"),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
        env=dict(environment),
    )
    try:
        _, said = await process.communicate()
    except asyncio.CancelledError:
        process.kill()
        await process.wait()
        raise
    if process.returncode != os.EX_OK:
        raise OurFault(
            f"Tenant {file.tenant.id} was not applied",
            why=said.decode(errors="replace").strip(),
            code="demo_tenant",
        )
