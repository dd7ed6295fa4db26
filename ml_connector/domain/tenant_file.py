"""What can be wrong in a tenant file, said in sentences.

Pydantic finds the problems; this module names each by its key path, what is wrong and what
to do. Values are never repeated: a reader may have written a secret where none belongs.
"""

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails, PydanticCustomError

from ml_connector.domain.tenant_problems import Problem

_OWN = "tenant_file"
"""The error type of our own validators, which bring both sentences with them."""

_PYDANTIC: Mapping[str, tuple[str, str]] = {
    "missing": ("is missing", "Add it."),
    "string_type": ("is not text", "Put the value in quotes."),
    "bool_type": ("is neither true nor false", "Write true or false, without quotes."),
    "int_type": ("is not a whole number", "Write a whole number, without quotes."),
    "dict_type": ("is not a table", "Write it as { name = value }."),
    "model_type": ("is not a table", "Write it as a [section] with keys below it."),
    "too_short": ("is empty", "Write at least one entry."),
    "string_too_short": ("is empty", "Write a value between the quotes."),
}


def refusal(what: str, remedy: str) -> PydanticCustomError:
    """The error a validator of the tenant file raises: `what` follows the key's name."""
    return PydanticCustomError(_OWN, "{what}. {remedy}", {"what": what, "remedy": remedy})


def problems_in(error: ValidationError, root: type[BaseModel]) -> tuple[Problem, ...]:
    """Every problem of a failed validation of `root`, in the file's order of keys."""
    details = error.errors(include_url=False, include_input=False)
    return tuple(_problem(detail, root) for detail in details)


def _problem(detail: ErrorDetails, root: type[BaseModel]) -> Problem:
    path = [str(part) for part in detail["loc"] if part != "[key]"]
    what, remedy = _sentences(detail, path, root)
    return Problem(key=".".join(path), what=what, remedy=remedy)


def _sentences(detail: ErrorDetails, path: list[str], root: type[BaseModel]) -> tuple[str, str]:
    kind, context = detail["type"], detail.get("ctx", {})
    if kind == _OWN:
        return str(context["what"]), str(context["remedy"])
    if kind == "extra_forbidden":
        return "is not a known key", _nearest_key(path, root)
    if kind in ("literal_error", "enum"):
        return "has a value that is not offered", f"Write {context['expected']}."
    if kind == "string_pattern_mismatch":
        return "is not spelled as it should be", f"It has to match {context['pattern']}."
    return _PYDANTIC.get(kind, (f"is not accepted: {detail['msg']}", "Correct it."))


def _nearest_key(path: list[str], root: type[BaseModel]) -> str:
    known = _model_at(path[:-1], root).model_fields
    near = get_close_matches(path[-1], known, n=1)
    return f"Did you mean {near[0]}?" if near else f"Known here: {', '.join(known)}."


def _model_at(path: list[str], root: type[BaseModel]) -> type[BaseModel]:
    model = root
    for part in path:
        annotation: Any = model.model_fields[part].annotation
        if not (isinstance(annotation, type) and issubclass(annotation, BaseModel)):
            break
        model = annotation
    return model
