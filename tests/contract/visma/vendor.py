"""The vendor's own API description, where it lies beside the repository."""

import json
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema  # type: ignore[import-untyped]
import pytest

_ROOT = Path(__file__).parents[3]
_SPEC = _ROOT.parent / "shared/specs/visma/visma-net-erp-subset.openapi.json"
SAMPLES = _ROOT.parent / "shared/samples/visma"


@cache
def _spec() -> dict[str, Any]:
    if not _SPEC.exists():
        pytest.skip("Visma's API description is not beside the repository (../shared/specs)")
    spec: dict[str, Any] = json.loads(_SPEC.read_text())
    return spec


def sample(name: str) -> bytes:
    """One of the vendor's or other clients' recorded replies."""
    if not SAMPLES.exists():
        pytest.skip("Visma's samples are not beside the repository (../shared/samples)")
    return (SAMPLES / name).read_bytes()


def operation(method: str, path: str) -> dict[str, Any]:
    """The description of an operation; fails for one that does not exist."""
    found: dict[str, Any] = _spec()["paths"][path][method.lower()]
    return found


def check_query(method: str, path: str, query: dict[str, str]) -> None:
    """Every parameter is one that the operation has, with an allowed value."""
    known = {
        each["name"]: each.get("schema", {})
        for each in operation(method, path)["parameters"]
        if each["in"] == "query"
    }
    for name, value in query.items():
        assert name in known, f"{path} has no parameter {name}; Visma would ignore it"
        assert value in known[name].get("enum", [value])


def check_body(method: str, path: str, body: Any) -> None:
    """The body is valid by the operation's schema, and names no field that the schema lacks."""
    content = operation(method, path)["requestBody"]["content"]["application/json"]
    name = content["schema"]["$ref"].rsplit("/", 1)[-1]
    schemas = _strict(_spec()["components"]["schemas"])
    jsonschema.validate(
        body, {"$ref": f"#/components/schemas/{name}", "components": {"schemas": schemas}}
    )


def _strict(node: Any) -> Any:
    """The schemas with unknown fields refused.

    A wrapper may hold null: the vendor's names for the types (`DtoValueOfNullableOf…`) say so,
    and the extract does not repeat it.
    """
    if isinstance(node, list):
        return [_strict(each) for each in node]
    if not isinstance(node, dict):
        return node
    strict = {key: _strict(value) for key, value in node.items()}
    if node.get("x-dtovalue"):
        value = strict["properties"]["value"]
        strict["properties"] = {"value": {"anyOf": [value, {"type": "null"}]}}
        strict["required"] = ["value"]
    if isinstance(node.get("properties"), dict):
        strict["additionalProperties"] = False
    return strict
