"""Reads a JSON body as FedEx does: complaining about all of it at once, lenient about types.

FedEx's own examples send numbers where its specifications say string and the other way round,
and the service takes them. `Report` records every such leniency; with `strict` it is a problem.
"""

import re
from collections.abc import Collection
from datetime import date
from decimal import Decimal, InvalidOperation

from ml_connector.sandbox.fedex.errors import INVALID_INPUT, Refusal
from ml_connector.sandbox.fedex.values import Json, Problem


class Report:
    """What was found wrong, and what was let pass."""

    def __init__(self, *, strict: bool = False) -> None:
        self.problems: list[Problem] = []
        self.leniencies: list[str] = []
        self._strict = strict

    def complain(self, path: str, message: str, code: str = INVALID_INPUT) -> None:
        self.problems.append(Problem(code=code, message=message, field=path))

    def let_pass(self, path: str, message: str) -> None:
        self.leniencies.append(f"{path}: {message}")
        if self._strict:
            self.complain(path, message)

    def settle(self) -> None:
        """Raise a 400 Refusal with all problems, if there are any."""
        if self.problems:
            raise Refusal(400, self.problems)


class Fields:
    """One JSON object, its place in the body, and the report that complaints go to."""

    def __init__(self, value: Json, report: Report, path: str = "") -> None:
        self.report = report
        self.path = path
        self._value = value

    def where(self, key: str) -> str:
        return f"{self.path}.{key}" if self.path else key

    def has(self, key: str) -> bool:
        return self._value.get(key) not in (None, "")

    def complain(self, key: str, message: str, code: str = INVALID_INPUT) -> None:
        self.report.complain(self.where(key), message, code)

    def text(
        self,
        key: str,
        *,
        required: bool = True,
        longest: int | None = None,
        code: str = INVALID_INPUT,
    ) -> str:
        """A string, or a number in its place. An empty string when absent or wrong."""
        value = self._value.get(key)
        if value is None or value == "":
            if required:
                self.complain(key, f"{key} is required", code)
            elif value == "":
                self.report.let_pass(self.where(key), "empty element sent")
            return ""
        if isinstance(value, int | Decimal) and not isinstance(value, bool):
            self.report.let_pass(self.where(key), "number sent for a string")
            value = str(value)
        if not isinstance(value, str):
            self.complain(key, f"{key} must be a string", code)
            return ""
        if longest is not None and len(value) > longest:
            self.complain(key, f"{key} is longer than {longest} characters", code)
        return value

    def choice(
        self,
        key: str,
        allowed: Collection[str],
        *,
        required: bool = True,
        code: str = INVALID_INPUT,
    ) -> str:
        """One of a set of names. An empty string when absent or wrong."""
        value = self.text(key, required=required, code=code)
        if value and value not in allowed:
            self.complain(key, f"{key} {value!r} is not allowed", code)
            return ""
        return value

    def number(
        self, key: str, *, required: bool = True, code: str = INVALID_INPUT
    ) -> Decimal | None:
        """A number, or a string that reads as one."""
        value = self._value.get(key)
        if value is None or value == "":
            if required:
                self.complain(key, f"{key} is required", code)
            return None
        if isinstance(value, str):
            self.report.let_pass(self.where(key), "string sent for a number")
        try:
            number = Decimal(str(value)) if not isinstance(value, bool) else None
        except InvalidOperation:
            number = None
        if number is None or not number.is_finite():
            self.complain(key, f"{key} must be a number", code)
            return None
        return number

    def flag(self, key: str, *, default: bool = False) -> bool:
        """A boolean, or its name as a string."""
        value = self._value.get(key, default)
        if isinstance(value, str) and value.lower() in ("true", "false"):
            self.report.let_pass(self.where(key), "string sent for a boolean")
            return value.lower() == "true"
        if not isinstance(value, bool):
            self.complain(key, f"{key} must be true or false")
            return default
        return value

    def day(self, key: str, *, code: str = INVALID_INPUT) -> date | None:
        """An optional `YYYY-MM-DD`."""
        value = self.text(key, required=False)
        if not value:
            return None
        try:
            if not re.fullmatch(r"\d{4}-\d{2}-\d{2}", value):
                raise ValueError(value)
            return date.fromisoformat(value)
        except ValueError:
            self.complain(key, f"{key} must be a date, YYYY-MM-DD", code)
            return None

    def child(self, key: str, *, required: bool = True, code: str = INVALID_INPUT) -> "Fields":
        """An object. Where it is absent or wrong that is one complaint, and the empty object
        returned in its place makes none."""
        value = self._value.get(key)
        if isinstance(value, dict):
            return Fields(value, self.report, self.where(key))
        if value is not None or required:
            self.complain(key, f"{key} is required", code)
        return Fields({}, Report(), self.where(key))

    def children(
        self, key: str, *, required: bool = True, most: int | None = None
    ) -> list["Fields"]:
        """A list of objects."""
        value = self._value.get(key)
        if not isinstance(value, list):
            if value is not None or required:
                self.complain(key, f"{key} must be a list")
            return []
        if required and not value:
            self.complain(key, f"{key} must not be empty")
        if most is not None and len(value) > most:
            self.complain(key, f"{key} has more than {most} entries")
        found: list[Fields] = []
        for index, item in enumerate(value):
            path = f"{self.where(key)}[{index}]"
            if isinstance(item, dict):
                found.append(Fields(item, self.report, path))
            else:
                self.report.complain(path, "must be an object")
        return found

    def texts(self, key: str, *, required: bool = True) -> tuple[str, ...]:
        """A list of strings."""
        value = self._value.get(key)
        if value is None and not required:
            return ()
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            self.complain(key, f"{key} must be a list of strings")
            return ()
        if required and not any(item.strip() for item in value):
            self.complain(key, f"{key} must not be empty")
        return tuple(value)
