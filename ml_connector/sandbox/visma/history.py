"""What an edit changed: a document's writable content, flattened, before and after."""

import copy
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import fields, is_dataclass
from datetime import date, datetime
from typing import TypeVar

from ml_connector.sandbox.visma import wire
from ml_connector.sandbox.visma.documents import Document

_BOOKKEEPING = frozenset({"edits", "pending_edits", "version", "modified_at", "receipts"})

Content = Mapping[str, object]
DocumentT = TypeVar("DocumentT", bound=Document)


@contextmanager
def transaction(document: DocumentT) -> Iterator[DocumentT]:
    """A draft to change: the document takes it over, unless the block raises."""
    shared = {id(kept): kept for kept in (document.edits, document.pending_edits)}
    draft = copy.deepcopy(document, shared)
    yield draft
    vars(document).update(vars(draft))


def content(document: Document) -> Content:
    """Every field by its path, such as `lines[2].quantity` or `custom.customStr1`."""
    flat: dict[str, object] = {}
    for item in fields(document):
        if item.name not in _BOOKKEEPING:
            _flatten(item.name, getattr(document, item.name), flat)
    return flat


def _flatten(path: str, value: object, flat: dict[str, object]) -> None:
    if isinstance(value, dict):
        for key, inner in value.items():
            _flatten(f"{path}.{key}", inner, flat)
    elif isinstance(value, list):
        for row in value:
            _flatten(f"{path}[{row.number}]", row, flat)
    elif is_dataclass(value):
        for item in fields(value):
            _flatten(f"{path}.{item.name}", getattr(value, item.name), flat)
    elif isinstance(value, datetime):
        flat[path] = wire.moment(value.replace(tzinfo=None))
    elif isinstance(value, date):
        flat[path] = value.isoformat()
    else:
        flat[path] = value


def difference(before: Content, after: Content) -> dict[str, tuple[object, object]]:
    """The fields whose value differs, each with the old and the new one; None where absent."""
    names = list(dict.fromkeys((*before, *after)))
    return {
        name: (before.get(name), after.get(name))
        for name in names
        if before.get(name) != after.get(name)
    }
