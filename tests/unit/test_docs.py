"""The pages tell the truth: links lead somewhere, and printed commands can be typed.

Commands are parsed by the real command line and never run.
"""

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import typer

from starter.groups import commands_of
from starter.main import PROGRAM, app

ROOT = Path(__file__).parents[2]
PAGES = sorted([ROOT / "README.md", ROOT / "CHANGELOG.md", *(ROOT / "docs").rglob("*.md")])

_FENCE = re.compile(r"^ *```(\w*)\n(.*?)^ *```", re.MULTILINE | re.DOTALL)
_INLINE = re.compile(r"`([^`\n]+)`")
_LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#{1,6} +(.+?) *$", re.MULTILINE)
_TARGET = re.compile(r"^([a-z]+):", re.MULTILINE)
_MENTION = re.compile(rf"\b{PROGRAM} |^ *make |\bcli ")
_PROGRAMS = (PROGRAM, f".venv/bin/{PROGRAM}")
_SHELL = ("sh", "bash", "shell")


@dataclass(frozen=True)
class Command:
    """A command line as a page prints it."""

    page: str
    text: str

    def __str__(self) -> str:
        return f"{self.page}: {self.text}"


def _commands(page: Path) -> Iterator[Command]:
    """Every command of ours or of make on the page, in blocks and in running text."""
    name, text = str(page.relative_to(ROOT)), page.read_text(encoding="utf-8")
    for language, block in _FENCE.findall(text):
        if language in _SHELL:
            for line in block.replace("\\\n", " ").splitlines():
                if _MENTION.search(line):
                    yield Command(name, line.strip())
    for inline in _INLINE.findall(_FENCE.sub("", text)):
        if inline.startswith((*_PROGRAMS, "make ")):
            yield Command(name, inline)


def _words(command: Command) -> list[str]:
    """The command up to a comment, a pipe or the next command; variables before it left out."""
    lexer = shlex.shlex(command.text, posix=True, punctuation_chars="|;&<>")
    lexer.whitespace_split = True
    words: list[str] = []
    for word in lexer:
        if set(word) & set("|;&<>"):
            break
        words.append(word)
    while words and re.fullmatch(r"[A-Z_]+=.*", words[0]):
        words.pop(0)
    if words[:2] == ["docker", "compose"] and "cli" in words:
        return [PROGRAM, *words[words.index("cli") + 1 :]]
    return words


COMMANDS = [command for page in PAGES for command in _commands(page)]
OURS = [command for command in COMMANDS if _words(command)[:1] in ([each] for each in _PROGRAMS)]
MAKES = [command for command in COMMANDS if _words(command)[:1] == ["make"]]


@cache
def _command_line() -> Any:
    return typer.main.get_command(app)


def _parse(arguments: list[str]) -> None:
    """Raises what the command line would say of wrong arguments."""
    command: Any = _command_line()
    path = PROGRAM
    while (below := commands_of(command)) and arguments and not arguments[0].startswith("-"):
        word = arguments[0] if arguments[0] in below else getattr(command, "default", "")
        assert word, f"there is no command {path} {arguments[0]}"
        arguments = arguments[arguments[0] == word :]
        command, path = below[word], f"{path} {word}"
    if arguments != ["--help"]:
        command.make_context(path, arguments, resilient_parsing=False)


@pytest.mark.parametrize("command", OURS, ids=str)
def test_every_printed_command_exists_with_its_options(command: Command) -> None:
    words = _words(command)[1:]
    if words and words not in (["--install-completion"], ["--version"]):
        _parse(words)


@pytest.mark.parametrize("command", MAKES, ids=str)
def test_every_printed_make_target_exists(command: Command) -> None:
    targets = set(_TARGET.findall((ROOT / "Makefile").read_text(encoding="utf-8")))
    wanted = [word for word in _words(command)[1:] if "=" not in word]
    assert set(wanted) <= targets


def test_the_pages_print_commands_at_all() -> None:
    assert len(OURS) > 20
    assert len(MAKES) > 3


@pytest.mark.parametrize(
    "wrong", [["po", "lisst"], ["po", "list", "--fast"], ["tenant", "apply"]], ids=" ".join
)
def test_a_wrong_command_is_noticed(wrong: list[str]) -> None:
    with pytest.raises((AssertionError, typer.TyperException)):
        _parse(wrong)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_somewhere(page: Path) -> None:
    text = _FENCE.sub("", page.read_text(encoding="utf-8"))
    broken = [link for link in _LINK.findall(text) if not _resolves(page, link)]
    assert not broken


def _resolves(page: Path, link: str) -> bool:
    if re.match(r"[a-z]+:", link):
        return True
    file, _, anchor = link.partition("#")
    target = (page.parent / file).resolve() if file else page
    if not target.is_relative_to(ROOT) or not target.exists():
        return False
    return not anchor or anchor in _anchors(target)


def _anchors(page: Path) -> set[str]:
    """The anchors that GitHub makes of a page's headings."""
    text = _FENCE.sub("", page.read_text(encoding="utf-8"))
    return {
        re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
        for heading in _HEADING.findall(text)
    }
