"""`docs/cli.md` says what the commands' help says."""

import pytest

from starter.reference import PAGE, main, reference


def test_the_page_is_up_to_date() -> None:
    assert PAGE.read_text(encoding="utf-8") == reference(), "run: python -m starter.reference"


def test_it_does_not_depend_on_the_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    page = reference()
    monkeypatch.setenv("COLUMNS", "40")
    assert reference() == page


def test_check_says_what_to_run(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--check"]) == 0
    monkeypatch.setattr("starter.reference.WIDTH", 60)
    assert main(["--check"]) == 1
    assert "python -m starter.reference" in capsys.readouterr().err
