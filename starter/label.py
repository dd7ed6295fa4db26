"""`ml-connector label`: the labels of a shipment, from where they are kept. Never bought again."""

import asyncio
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from activities.shipped import is_alive
from ml_connector.store.shipments import Shipment
from ml_connector.store.view import TenantView
from starter import label_send
from starter.context import Installation
from starter.errors import Refused, WrongUsage
from starter.groups import command_group
from starter.order_names import FoundOrder, OrderName, find_order
from starter.output import AsJson, show

app = command_group(
    "label",
    """The labels of a shipment: written to a file, or sent by mail.

\b
Without a command's name, save is meant:
  ml-connector label nordic/500123 -o label.pdf
""",
    default="save",
)


def register(root: typer.Typer) -> None:
    root.add_typer(app)


label_send.register(app)

LABEL = "LABEL"
_SUFFIXES = {"PDF": ".pdf", "PNG": ".png", "ZPLII": ".zpl"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Paper:
    """A label or customs paper as it is kept."""

    kind: str
    media: str
    tracking_number: str
    piece: int
    """From 1; 0 for a paper of the whole shipment."""
    content: bytes


@app.command()
def save(
    order: OrderName,
    output: Annotated[
        Path,
        typer.Option(
            "--output", "-o", metavar="FILE", help="Where to; several pieces get a number each."
        ),
    ],
    piece: Annotated[
        int | None, typer.Option("--piece", min=1, help="Only the label of this piece.")
    ] = None,
    papers: Annotated[bool, typer.Option("--papers", help="The customs papers as well.")] = False,
    as_json: AsJson = False,
) -> None:
    """Write the labels of an order's shipment to files. Nothing is bought; FedEx is not asked.

    One label goes into FILE. Several go into FILE-1, FILE-2 and so on, before the ending; or name
    one with --piece. Without an ending, FILE gets that of the label's format. The files hold
    addresses: only you may read them.

    \b
    Examples:
      ml-connector label nordic/500123 -o label.pdf
      ml-connector label nordic/500123 -o labels/500123 --papers
      ml-connector label 500123 -o second.zpl --piece 2 --json
    """
    asyncio.run(_save(order, output, piece, papers, as_json))


async def _save(
    name: str, output: Path, piece: int | None, with_papers: bool, as_json: bool
) -> None:
    async with Installation.open() as here:
        found = await find_order(here, name)
        store = await here.store()
        async with store.write(found.tenant) as view:
            papers = _wanted(found, await _kept(view, found), piece, with_papers)
            view.audit.append(
                "label:saved",
                actor=here.actor,
                order=found.row.order,
                detail={"papers": len(papers), "tracking_number": found.row.master_tracking},
            )
    written = [
        _write(file, paper) for file, paper in zip(_files(output, papers), papers, strict=True)
    ]
    value = {"tenant": found.tenant, "order": found.row.order, "files": written}
    show(value, lambda: "\n".join(str(each["path"]) for each in written), as_json=as_json)


async def _kept(view: TenantView, found: FoundOrder) -> list[Paper]:
    shipment = await view.shipments.current(found.row.order)
    if shipment is None or not is_alive(shipment):
        raise Refused(
            f"{found.tenant}/{found.row.order} has no shipment, so it has no label",
            remedy=f"See ml-connector po show {found.tenant}/{found.row.order}",
            code="not_shipped",
        )
    pieces = {
        parcel.tracking_number: parcel.sequence
        for parcel in await view.parcels.by_order(shipment.order, shipment.generation)
    }
    return [await _paper(view, document, pieces) for document in _documents(shipment)]


def _documents(shipment: Shipment) -> list[dict[str, str]]:
    return [{key: str(value) for key, value in each.items()} for each in shipment.documents]


async def _paper(view: TenantView, document: dict[str, str], pieces: dict[str, int]) -> Paper:
    number = document["tracking_number"]
    blob = await view.blobs.get(document["blob"])
    return Paper(
        kind=document["kind"],
        media=document["media"],
        tracking_number=number,
        piece=pieces.get(number, 0) if document["kind"] == LABEL else 0,
        content=blob.content,
    )


def _wanted(
    found: FoundOrder, kept: Sequence[Paper], piece: int | None, with_papers: bool
) -> list[Paper]:
    labels = [paper for paper in kept if paper.kind == LABEL]
    if not labels:
        raise Refused(
            f"The label of {found.tenant}/{found.row.order} is not here",
            why="FedEx's answer was lost or held none, and no call returns it later",
            remedy=f"Print {found.row.master_tracking} in FedEx Ship Manager",
            code="label_unavailable",
        )
    chosen = [paper for paper in labels if piece in (None, paper.piece)]
    if not chosen:
        known = ", ".join(str(paper.piece) for paper in labels)
        raise Refused(
            f"There is no label of piece {piece}", remedy=f"There is {known}", code="unknown_piece"
        )
    return chosen + [paper for paper in kept if paper.kind != LABEL and with_papers]


def _files(output: Path, papers: Sequence[Paper]) -> list[Path]:
    """One file each: the label's own, numbered, or named after what a paper is."""
    several = sum(paper.kind == LABEL for paper in papers) > 1
    files: list[Path] = []
    for paper in papers:
        suffix = output.suffix or _SUFFIXES.get(paper.media, f".{paper.media.lower()}")
        mark = f"-{paper.piece}" * several
        if paper.kind != LABEL:
            suffix = _SUFFIXES.get(paper.media, f".{paper.media.lower()}")
            mark = f"-{paper.kind.lower().replace('_', '-')}"
        files.append(_free(output.with_name(f"{output.stem}{mark}{suffix}"), files))
    return files


def _free(file: Path, taken: Sequence[Path]) -> Path:
    """The name, or the next one, where two papers of this shipment would share it."""
    stem, number = file.stem, 1
    while file in taken:
        number += 1
        file = file.with_name(f"{stem}-{number}{file.suffix}")
    return file


def _write(file: Path, paper: Paper) -> dict[str, object]:
    try:
        # Made readable for its owner alone before there is anything to read.
        handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(handle, "wb") as stream:
            os.fchmod(handle, 0o600)
            stream.write(paper.content)
    except OSError as error:
        raise WrongUsage(
            f"{file} cannot be written",
            why=error.strerror or "",
            remedy="Name a file in a folder that exists and may be written",
            code="output_file",
        ) from error
    return {
        "path": file,
        "kind": paper.kind,
        "media": paper.media,
        "piece": paper.piece or None,
        "tracking_number": paper.tracking_number,
        "bytes": len(paper.content),
    }
