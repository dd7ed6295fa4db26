"""Where a tenant's secrets are read from: the environment, a file, or the person at the terminal.

Secrets never come from a tenant file itself, nor from the command line, which every user of the
machine can read. They are read once, when a tenant is applied, and sealed in the database.
"""

import getpass
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from ml_connector.domain.tenant import SecretRef
from starter.errors import WrongUsage

Ask = Callable[[str], str]


class MissingSecrets(WrongUsage):
    """At least one secret could not be read; all of them are named."""


def read_secrets(
    refs: Mapping[str, SecretRef],
    *,
    environ: Mapping[str, str],
    base: Path,
    ask: Ask | None,
) -> dict[str, str]:
    """The secret behind each reference, by key path such as `visma.client_id`.

    Relative file names start at `base`, the folder of the tenant file. `ask` puts a question to
    the person; None where there is nobody to ask. Nobody is asked before all else was found.

    Raises:
        MissingSecrets: naming every secret that is not there.
    """
    found: dict[str, str] = {}
    problems: list[str] = []
    questions = [key for key, ref in refs.items() if ref.prompt]
    for key, ref in refs.items():
        if not ref.prompt:
            _read(key, ref, environ, base, found, problems)
    if ask is None:
        problems += [f"{key}: nobody can be asked for it here. {_RUN_BY_HAND}" for key in questions]
    if not problems and ask is not None:
        _ask_for(questions, ask, found, problems)
    if problems:
        raise MissingSecrets(
            f"{len(problems)} of {len(refs)} secrets cannot be read; nothing was changed",
            remedy="Provide them and repeat the command",
            code="secret_missing",
            details=problems,
        )
    return {key: found[key] for key in refs}


_RUN_BY_HAND = "Run the command in a terminal without --json, or refer to env or file."


def terminal(*, as_json: bool) -> Ask | None:
    """How to ask the person: on the terminal without echo; None under `--json` or in a pipe."""
    return getpass.getpass if not as_json and sys.stdin.isatty() else None


def _read(
    key: str,
    ref: SecretRef,
    environ: Mapping[str, str],
    base: Path,
    found: dict[str, str],
    problems: list[str],
) -> None:
    if ref.env is not None:
        value = environ.get(ref.env, "").strip()
        absent = f"{key}: the environment variable {ref.env} is not set."
    else:
        file = base / Path(ref.file or "").expanduser()
        try:
            value = file.read_text(encoding="utf-8").strip()
            absent = f"{key}: the file {file} is empty."
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it is not text"
            value, absent = "", f"{key}: the file {file} cannot be read ({reason})."
    if value:
        found[key] = value
    else:
        problems.append(absent)


def _ask_for(keys: list[str], ask: Ask, found: dict[str, str], problems: list[str]) -> None:
    for key in keys:
        value = ask(f"{key}: ").strip()
        if value:
            found[key] = value
        else:
            problems.append(f"{key}: nothing was typed.")
