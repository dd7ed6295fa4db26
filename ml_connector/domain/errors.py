"""The base of every named refusal in the domain."""

from typing import ClassVar

from ml_connector.domain.findings import Finding


class RuleError(ValueError):
    """A rule of the domain cannot be applied to what it was given.

    Each subclass is one cause with a stable `code`; `finding` turns it into what a person
    reads. Messages name fields, lines, items and currencies, never personal data.
    """

    code: ClassVar[str] = "rule_error"
    remedy: ClassVar[str] = ""

    def finding(self) -> Finding:
        """The same refusal as a finding."""
        return Finding(code=self.code, message=str(self), remedy=self.remedy)
