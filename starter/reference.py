"""Makes `docs/cli.md`, the reference of the command line, from the commands' own help.

python -m starter.reference            write it
python -m starter.reference --check    exit with 1 when it is not up to date
"""

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import typer
from typer.main import get_command

from starter.groups import commands_of
from starter.main import PROGRAM, app

PAGE = Path(__file__).parents[1] / "docs" / "cli.md"
WIDTH = 90
"""Columns of a help text, whatever the terminal of whoever makes the page."""

_HEAD = f"""# The command line

Made from the commands' help by `python -m starter.reference`; a test keeps it true.

- Data goes to stdout, talk to stderr. `--json` prints one JSON document and never asks a question.
- Money always has its currency; times are ISO 8601 with their offset.
- An order is named `TENANT/ORDER`, or by its number alone where one tenant has it.
- What spends money or does a step again takes `--reason`, which the audit trail keeps.
- An error says what happened, why, what to do, and an id in brackets.
- `{PROGRAM} --version` says which version is installed.
- `{PROGRAM} --install-completion` sets the shell up to complete commands and options.

| exit code | meaning |
|---|---|
| 0 | done; a listing also when it lists findings |
| 1 | a finding or a refusal |
| 2 | the command line, a file or the environment is wrong |
| 3 | credentials: another system does not accept who we are |
| 4 | another system or the database is down, or asks for patience |
| 5 | a defect of this program |

`po plan`, `tenant ping` and `doctor` end with the first cause among 3, 4, 5 and 1.
"""


def reference() -> str:
    """The whole page."""
    root: Any = get_command(app)
    return "\n".join([_HEAD, *_sections(root, typer.Context(root, info_name=PROGRAM), 2)])


def _sections(command: Any, context: typer.Context, level: int) -> Iterator[str]:
    """A command's help, then that of the commands below it."""
    if context.parent is not None:
        yield f"{'#' * level} {context.command_path.removeprefix(f'{PROGRAM} ')}\n"
        yield f"```text\n{_help(command, context)}\n```\n"
    for name, below in sorted(commands_of(command).items()):
        inner = typer.Context(below, info_name=name, parent=context)
        yield from _sections(below, inner, level + (context.parent is not None))


def _help(command: Any, context: typer.Context) -> str:
    context.terminal_width = context.max_content_width = WIDTH
    text: str = command.get_help(context)
    return "\n".join(line.rstrip() for line in text.strip().splitlines())


def main(arguments: Sequence[str]) -> int:
    """Write the page or, with `--check`, compare it; the exit code."""
    page = reference()
    if "--check" not in arguments:
        PAGE.write_text(page, encoding="utf-8")
        return 0
    if PAGE.is_file() and PAGE.read_text(encoding="utf-8") == page:
        return 0
    print(f"{PAGE.name} is not up to date. Run: python -m starter.reference", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
