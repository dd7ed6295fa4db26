"""The `--log-level` option of every command that goes on running."""

from enum import StrEnum
from typing import Annotated

import typer


class LogLevel(StrEnum):
    """How much is logged; each level includes those below it."""

    DEBUG = "DEBUG"
    INFO = "INFO"
    WARNING = "WARNING"
    ERROR = "ERROR"


LogLevelOption = Annotated[LogLevel, typer.Option("--log-level", help="How much is logged.")]
