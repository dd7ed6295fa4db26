"""Secrets come from where the file says, and every one that is missing is named."""

from pathlib import Path

import pytest

from ml_connector.domain.tenant import SecretRef
from starter.secret_sources import MissingSecrets, read_secrets, terminal


def never(question: str) -> str:
    raise AssertionError(f"nobody should be asked: {question}")


def test_each_source_is_read(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("from-file\n")
    asked: list[str] = []

    def ask(question: str) -> str:
        asked.append(question)
        return " from-person "

    found = read_secrets(
        {
            "visma.client_id": SecretRef(prompt=True),
            "visma.client_secret": SecretRef(env="SECRET"),
            "fedex.client_id": SecretRef(file="key"),
            "fedex.client_secret": SecretRef(file=str(tmp_path / "key")),
        },
        environ={"SECRET": "from-env"},
        base=tmp_path,
        ask=ask,
    )
    assert found == {
        "visma.client_id": "from-person",
        "visma.client_secret": "from-env",
        "fedex.client_id": "from-file",
        "fedex.client_secret": "from-file",
    }
    assert asked == ["visma.client_id: "]


def test_all_missing_ones_are_named_and_nobody_is_asked_in_vain(tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    (tmp_path / "label.pdf").write_bytes(b"\xff\xfe\x00")
    refs = {
        "a": SecretRef(env="ABSENT"),
        "b": SecretRef(env="BLANK"),
        "c": SecretRef(file="absent"),
        "d": SecretRef(file="empty"),
        "e": SecretRef(file="label.pdf"),
        "f": SecretRef(prompt=True),
    }
    with pytest.raises(MissingSecrets) as caught:
        read_secrets(refs, environ={"BLANK": "  "}, base=tmp_path, ask=never)
    assert [line.partition(":")[0] for line in caught.value.details] == ["a", "b", "c", "d", "e"]
    assert caught.value.exit_code == 2


def test_nothing_typed_is_missing(tmp_path: Path) -> None:
    with pytest.raises(MissingSecrets, match="1 of 1"):
        read_secrets(
            {"a": SecretRef(prompt=True)}, environ={}, base=tmp_path, ask=lambda question: ""
        )


def test_where_nobody_can_be_asked_that_is_said(tmp_path: Path) -> None:
    with pytest.raises(MissingSecrets) as caught:
        read_secrets({"a": SecretRef(prompt=True)}, environ={}, base=tmp_path, ask=None)
    assert "without --json" in str(caught.value)


def test_json_never_prompts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    assert terminal(as_json=True) is None
    assert terminal(as_json=False) is not None


def test_a_pipe_is_nobody_to_ask(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin.isatty", lambda: False, raising=False)
    assert terminal(as_json=False) is None
