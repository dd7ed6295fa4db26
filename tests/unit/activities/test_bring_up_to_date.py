"""One document and several writers: nothing of ours is taken for foreign, nothing old wins."""

from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from activities.documents import Entry, Fields
from activities.progress import (
    OVERTAKEN_LIMIT,
    STALE_LIMIT,
    Outcome,
    bring_up_to_date,
)
from ml_connector.domain.findings import Finding
from ml_connector.visma.errors import VismaOutcomeUnknown, VismaRejected, VismaStale

STATUS = "customStr2"


@dataclass
class Paper:
    """A document in Visma, and what the store holds about it."""

    in_visma: dict[str, object] = field(default_factory=dict)
    version: int = 1
    seen: dict[str, object] = field(default_factory=dict)
    seen_version: int = 1
    written: dict[str, list[object]] = field(default_factory=dict)
    desired: dict[str, object] = field(default_factory=lambda: {STATUS: "Delivered"})
    before_put: list[Callable[["Paper"], None]] = field(default_factory=list)
    """What happens just before each PUT arrives, in turn."""
    names_version: bool = True
    """Whether the answer to a PUT names the new version."""
    puts: int = 0
    reads: int = 0
    found: list[str] = field(default_factory=list)
    name: str = "order 1"

    async def entry(self) -> Entry | None:
        return Entry(
            version=str(self.seen_version or ""),
            held=dict(self.seen),
            written={slot: list(values) for slot, values in self.written.items()},
            desired=dict(self.desired),
        )

    async def intend(self, changes: Fields) -> None:
        for slot, value in changes.items():
            self.written.setdefault(slot, []).append(value)

    async def put(self, changes: Fields, version: str) -> str:
        self.puts += 1
        if self.before_put:
            self.before_put.pop(0)(self)
        if version != str(self.version):
            raise VismaStale("412")
        self.write(changes)
        return str(self.version) if self.names_version else ""

    async def wrote(self, held: Fields, version: str) -> None:
        self.seen, self.seen_version = dict(held), int(version or 0)

    async def read(self) -> None:
        self.reads += 1
        self.seen, self.seen_version = dict(self.in_visma), self.version

    async def report(self, found: tuple[Finding, ...]) -> None:
        self.found += [finding.code for finding in found]

    def write(self, changes: Fields) -> None:
        self.in_visma |= changes
        self.version += 1


async def test_a_quiet_document_costs_one_write_and_no_read() -> None:
    paper = Paper()
    assert await bring_up_to_date(paper) is Outcome.SENT
    assert await bring_up_to_date(paper) is Outcome.NOTHING_TO_SAY
    assert (paper.puts, paper.reads, paper.in_visma) == (1, 0, {STATUS: "Delivered"})


async def test_another_run_wrote_an_older_status_meanwhile() -> None:
    def older(paper: Paper) -> None:
        paper.written.setdefault(STATUS, []).insert(0, "In transit")
        paper.write({STATUS: "In transit"})

    paper = Paper(before_put=[older])
    assert await bring_up_to_date(paper) is Outcome.SENT
    assert (paper.in_visma, paper.found) == ({STATUS: "Delivered"}, [])


async def test_another_run_knew_more_and_was_first() -> None:
    def newer(paper: Paper) -> None:
        paper.desired = {STATUS: "Delivered"}
        paper.written.setdefault(STATUS, []).append("Delivered")
        paper.write({STATUS: "Delivered"})

    paper = Paper(desired={STATUS: "In transit"}, before_put=[newer])
    assert await bring_up_to_date(paper) is Outcome.NOTHING_TO_SAY
    assert (paper.in_visma, paper.found) == ({STATUS: "Delivered"}, [])


async def test_the_worker_died_between_the_write_and_its_record() -> None:
    def dies(paper: Paper) -> None:
        paper.write({STATUS: "Delivered"})
        raise KeyboardInterrupt

    paper = Paper(before_put=[dies])
    try:
        await bring_up_to_date(paper)
    except KeyboardInterrupt:
        paper.desired = {STATUS: "Returned to shipper"}
    assert await bring_up_to_date(paper) is Outcome.SENT
    assert (paper.in_visma, paper.found) == ({STATUS: "Returned to shipper"}, [])


async def test_a_lost_answer_is_looked_up() -> None:
    def answer_lost(paper: Paper) -> None:
        paper.write({STATUS: "Delivered"})
        raise VismaOutcomeUnknown("reset")

    paper = Paper(before_put=[answer_lost])
    assert await bring_up_to_date(paper) is Outcome.NOTHING_TO_SAY
    assert (paper.puts, paper.reads, paper.found) == (1, 1, [])


async def test_a_persons_own_text_stays() -> None:
    def person(paper: Paper) -> None:
        paper.write({STATUS: "call me first"})

    paper = Paper(before_put=[person])
    assert await bring_up_to_date(paper) is Outcome.NOTHING_TO_SAY
    assert (paper.in_visma, paper.found) == ({STATUS: "call me first"}, ["foreign_value"])


async def test_a_version_that_never_fits_is_given_up_for_now() -> None:
    def refuse(paper: Paper) -> None:
        raise VismaStale("412")

    paper = Paper(before_put=[refuse] * STALE_LIMIT)
    assert await bring_up_to_date(paper) is Outcome.ALWAYS_STALE
    assert (paper.puts, paper.found) == (STALE_LIMIT, ["order_always_stale"])


async def test_a_document_that_refuses_writes_is_a_finding() -> None:
    def locked(paper: Paper) -> None:
        raise VismaRejected("It is closed.")

    paper = Paper(before_put=[locked])
    assert await bring_up_to_date(paper) is Outcome.REFUSED
    assert paper.found == ["document_refuses_writes"]


async def test_a_write_that_was_lost_and_did_not_happen_is_not_repeated_at_once() -> None:
    def broken(paper: Paper) -> None:
        raise VismaOutcomeUnknown("500")

    paper = Paper(before_put=[broken] * 9)
    with pytest.raises(VismaOutcomeUnknown):
        await bring_up_to_date(paper)
    assert (paper.puts, paper.reads) == (1, 1)


async def test_a_version_that_visma_did_not_name_is_read() -> None:
    paper = Paper(names_version=False)
    assert await bring_up_to_date(paper) is Outcome.SENT
    paper.desired = {STATUS: "Returned to shipper"}
    assert await bring_up_to_date(paper) is Outcome.SENT
    assert (paper.puts, paper.reads) == (2, 1)


async def test_a_document_that_is_edited_all_the_time_is_left_to_the_next_sweep() -> None:
    def person(paper: Paper) -> None:
        paper.write({"customStr5": paper.version})

    paper = Paper(before_put=[person] * 99)
    assert await bring_up_to_date(paper) is Outcome.OVERTAKEN
    assert (paper.puts, paper.found) == (OVERTAKEN_LIMIT, [])
