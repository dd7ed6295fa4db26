"""What is wrong in a tenant file. Apart from what finds it, so that naming it takes no import."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One thing wrong in the file."""

    key: str
    """Path of the key, such as `freight.accrual_account`; empty for the file as a whole."""
    what: str
    remedy: str

    def __str__(self) -> str:
        text = f"{self.key} {self.what}" if self.key else self.what
        return f"{text}. {self.remedy}"


class TenantFileError(ValueError):
    """A tenant file that cannot be accepted, with everything found wrong in it."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))
