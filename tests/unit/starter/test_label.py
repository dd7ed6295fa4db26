"""`label`: what is kept is written out, and nothing is bought."""

import stat
from pathlib import Path

import pytest

from tests.command_line import Cli
from tests.unit.starter.orders import MASTER, SECOND, in_store, label


@pytest.fixture
def labelled(nordic: Cli) -> Cli:
    in_store("nordic", label)
    return nordic


def test_several_pieces_get_a_number_each(labelled: Cli, tmp_path: Path) -> None:
    saved = labelled("label", "PO1", "-o", tmp_path / "out.pdf", "--json").data
    assert [(each["path"], each["piece"], each["tracking_number"]) for each in saved["files"]] == [
        (str(tmp_path / "out-1.pdf"), 1, MASTER),
        (str(tmp_path / "out-2.pdf"), 2, SECOND),
    ]
    assert (tmp_path / "out-2.pdf").read_bytes() == f"%PDF {SECOND}".encode()
    assert stat.S_IMODE((tmp_path / "out-1.pdf").stat().st_mode) == 0o600


def test_one_piece_goes_into_the_file_itself(labelled: Cli, tmp_path: Path) -> None:
    (tmp_path / "two.pdf").write_text("open to all")
    assert labelled("label", "nordic/PO1", "-o", tmp_path / "two", "--piece", "2").code == 0
    assert (tmp_path / "two.pdf").read_bytes() == f"%PDF {SECOND}".encode()
    assert stat.S_IMODE((tmp_path / "two.pdf").stat().st_mode) == 0o600


def test_customs_papers_on_request(labelled: Cli, tmp_path: Path) -> None:
    line = ("label", "save", "PO1", "-o", tmp_path / "out", "--papers", "--json")
    assert [Path(each["path"]).name for each in labelled(*line).data["files"]] == [
        "out-1.pdf",
        "out-2.pdf",
        "out-commercial-invoice.pdf",
    ]


def test_the_trail_knows_who_took_a_label(labelled: Cli, tmp_path: Path) -> None:
    labelled("label", "PO1", "-o", tmp_path / "out")
    [event] = labelled("audit", "show", "--action", "label:saved", "--json").data
    assert (event["order"], event["detail"]["tracking_number"]) == ("PO1", MASTER)


@pytest.mark.parametrize(
    ("options", "code", "said"),
    [
        (("--piece", "3"), 1, "There is 1, 2"),
        (("-o", "/nonexistent/folder/label.pdf"), 2, "cannot be written"),
    ],
)
def test_refusals(
    labelled: Cli, tmp_path: Path, options: tuple[str, ...], code: int, said: str
) -> None:
    refused = labelled("label", "PO1", "-o", tmp_path / "out", *options, "--json")
    assert (refused.code, refused.out) == (code, "")
    assert said in refused.err


def test_a_label_that_was_lost(nordic: Cli, tmp_path: Path) -> None:
    in_store("nordic", lambda view: label(view, labels=False))
    refused = nordic("label", "PO1", "-o", tmp_path / "out")
    assert (refused.code, "[label_unavailable]" in refused.err) == (1, True)
    assert MASTER in refused.err
