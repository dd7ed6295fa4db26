"""FedEx's own API descriptions as JSON Schema, and the places where they part from reality."""

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]
from jsonschema.exceptions import ValidationError  # type: ignore[import-untyped]
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

_SHARED = Path(__file__).resolve().parents[4] / "shared"
SPECS = _SHARED / "specs" / "fedex"
SAMPLES = _SHARED / "samples" / "fedex"

needs_specs = pytest.mark.skipif(
    not SPECS.is_dir(), reason="FedEx's API descriptions are not beside this checkout"
)
needs_samples = pytest.mark.skipif(
    not SAMPLES.is_dir(), reason="FedEx's sample payloads are not beside this checkout"
)

Schemas = dict[str, Any]


def _reference_search_end_date(schemas: Schemas) -> None:
    """The schema says `shipDateEndDate`; every example and every client sends `shipDateEnd`."""
    search = schemas["ReferenceInformation"]
    search["properties"]["shipDateEnd"] = search["properties"].pop("shipDateEndDate")
    search["required"] = [
        key.replace("shipDateEndDate", "shipDateEnd") for key in search["required"]
    ]


def _commodity_weight_in_pounds(schemas: Schemas) -> None:
    """The schema allows KG only; 15 of FedEx's own examples send LB, and its text says that
    commodity and package must have the same unit."""
    schemas["Weight_4"]["properties"]["units"]["enum"].append("LB")


def _pickup_type_with_a_space(schemas: Schemas) -> None:
    """Validate spells `CONTACT_FEDEX TO_SCHEDULE`: a slip, everything else has underscores."""
    pickup = schemas["RequestedShipmentVerify"]["properties"]["pickupType"]
    pickup["enum"].append("CONTACT_FEDEX_TO_SCHEDULE")


EXCEPTIONS: dict[str, tuple[Callable[[Schemas], None], ...]] = {
    "ship": (_commodity_weight_in_pounds, _pickup_type_with_a_space),
    "track-referencenumbers": (_reference_search_end_date,),
}
"""By file: where a request of ours is right and the schema is not."""


def errors(spec: str, schema: str, body: object, *, with_exceptions: bool = True) -> list[str]:
    """What a vendor schema has against a body, a key that it does not know included."""
    document = json.loads((SPECS / f"{spec}.json").read_text())
    schemas = document["components"]["schemas"]
    for exception in EXCEPTIONS.get(spec, ()) if with_exceptions else ():
        exception(schemas)
    closed = {"components": {"schemas": {name: _closed(each) for name, each in schemas.items()}}}
    registry: Registry[Any] = Registry().with_resource(
        "urn:fedex", Resource.from_contents(closed, default_specification=DRAFT202012)
    )
    validator = Draft202012Validator(
        {"$ref": f"urn:fedex#/components/schemas/{schema}"}, registry=registry
    )
    return [_told(error) for error in validator.iter_errors(body)]


def example(spec: str, schema: str) -> Any:
    """A value of a response schema, made of the examples that FedEx gives for its properties."""
    document = json.loads((SPECS / f"{spec}.json").read_text())
    return _exemplified({"$ref": f"#/components/schemas/{schema}"}, document, ())


def _closed(schema: Any, *, merged: bool = False) -> Any:
    """OpenAPI 3.0 as JSON Schema that refuses unknown keys.

    The vendor's schemas are open, so that a misspelt key would pass unseen. `merged` schemas are
    members of an `allOf` and must leave the others' keys alone.
    """
    if isinstance(schema, list):
        return [_closed(item, merged=merged) for item in schema]
    if not isinstance(schema, dict):
        return schema
    out = {
        key: {name: _closed(each) for name, each in value.items()}
        if key == "properties"
        else _closed(value, merged=key == "allOf")
        for key, value in schema.items()
        if key not in ("nullable", "example", "default")
    }
    if "properties" in schema and not merged:
        out["unevaluatedProperties"] = False
    if schema.get("nullable"):
        return {"anyOf": [out, {"type": "null"}]}
    return out


def _exemplified(schema: dict[str, Any], document: dict[str, Any], seen: tuple[str, ...]) -> Any:
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        if name in seen:
            return None
        found = document["components"]["schemas"][name]
        return _exemplified(found, document, (*seen, name))
    whole: dict[str, Any] = {}
    for part in schema.get("allOf", ()):
        value = _exemplified(part, document, seen)
        if not isinstance(value, dict):
            return value
        whole |= value
    for key, each in schema.get("properties", {}).items():
        value = _exemplified(each, document, seen)
        if value is not None:
            whole[key] = value
    if whole:
        return whole
    if schema.get("type") == "array":
        item = _exemplified(schema["items"], document, seen)
        own = schema.get("example")
        return own if isinstance(own, list) else [] if item is None else [item]
    return copy.deepcopy(schema.get("example", (schema.get("enum") or [None])[0]))


def _told(error: ValidationError) -> str:
    return f"{error.json_path}: {error.message[:200]}"
