"""Lists that are capped, cut, ignored, shrinking and moving: nothing is lost, or it is said."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from ml_connector.visma.client import VismaClient
from ml_connector.visma.errors import VismaFilterIgnored, VismaTruncated, VismaUnreadable
from tests.contract.visma import vendor
from tests.contract.visma.samples import order
from tests.contract.visma.scripted import Answer, ScriptedVisma, page


def rows(*numbers: int) -> list[dict[str, Any]]:
    return [order(str(number)) for number in numbers]


async def numbers(client: VismaClient, size: int = 500) -> list[int]:
    return [int(row.number) async for page in client.orders(page_size=size) for row in page]


def asked(visma: ScriptedVisma) -> list[tuple[int, int]]:
    return [(int(each.query["pageNumber"]), int(each.query["pageSize"])) for each in visma.asked]


async def test_nothing(visma: ScriptedVisma, client: VismaClient) -> None:
    visma.say(Answer(body=[]))
    assert await numbers(client) == []


async def test_the_quiet_case_takes_the_floor_of_calls(
    visma: ScriptedVisma, client: VismaClient
) -> None:
    visma.say(page(rows(1, 2), 4), page(rows(3, 4), 4))
    assert await numbers(client, 2) == [1, 2, 3, 4]
    assert asked(visma) == [(1, 2), (2, 2)]


async def test_the_vendors_metadata(visma: ScriptedVisma, client: VismaClient) -> None:
    """450 rows, ten a page whatever is asked for."""
    stated = json.loads(vendor.sample("paging-metadata.json"))
    whole = [order(str(number)) | stated for number in range(450)]
    visma.say(*(Answer(body=whole[at : at + 10]) for at in range(0, 450, 10)))
    assert len(await numbers(client)) == 450
    assert asked(visma)[:2] == [(1, 500), (2, 10)]


async def test_a_cap_is_taken_over(visma: ScriptedVisma, client: VismaClient) -> None:
    visma.say(page(rows(1, 2), 3, cap=2), page(rows(3), 3, cap=2))
    assert await numbers(client) == [1, 2, 3]
    assert asked(visma) == [(1, 500), (2, 2)]


async def test_a_silent_cap_is_taken_over(visma: ScriptedVisma, client: VismaClient) -> None:
    visma.say(page(rows(1, 2), 3, cap=None), page(rows(3), 3, cap=None))
    assert await numbers(client) == [1, 2, 3]
    assert asked(visma) == [(1, 500), (2, 2)]


async def test_without_metadata_only_an_empty_page_ends(
    visma: ScriptedVisma, client: VismaClient
) -> None:
    visma.say(Answer(body=rows(1, 2)), Answer(body=rows(3)), Answer(body=[]))
    assert await numbers(client, 2) == [1, 2, 3]


async def test_without_metadata_a_short_page_amid_the_list_is_an_error(
    visma: ScriptedVisma, client: VismaClient
) -> None:
    visma.say(Answer(body=rows(1, 2)), Answer(body=rows(3)), Answer(body=rows(5)))
    with pytest.raises(VismaTruncated):
        await numbers(client, 2)


@pytest.mark.parametrize(
    "pages",
    [
        [page(rows(1), 4)],
        [page(rows(1, 2), 4), page(rows(3), 4)],
        [page(rows(1, 2), 5), page(rows(3, 4), 5)] + 50 * [Answer(body=[]), page(rows(3, 4), 5)],
    ],
    ids=["first", "second", "last"],
)
async def test_a_page_that_is_cut_short_is_no_end(
    visma: ScriptedVisma, client: VismaClient, pages: list[Answer]
) -> None:
    visma.say(*pages)
    with pytest.raises(VismaTruncated):
        await numbers(client, 2)


async def test_an_ignored_page_number_is_noticed(visma: ScriptedVisma, client: VismaClient) -> None:
    visma.say(page(rows(1, 2), 4), page(rows(1, 2), 4))
    with pytest.raises(VismaFilterIgnored, match="pageNumber"):
        await numbers(client, 2)


async def test_an_ignored_page_size_is_noticed(visma: ScriptedVisma, client: VismaClient) -> None:
    visma.say(page(rows(1, 2, 3), 4))
    with pytest.raises(VismaFilterIgnored, match="pageSize"):
        await numbers(client, 2)


async def test_an_unpaged_whole_list_is_whole(visma: ScriptedVisma, client: VismaClient) -> None:
    visma.say(page(rows(1, 2, 3), 3))
    assert await numbers(client, 2) == [1, 2, 3]


@pytest.mark.parametrize("body", [{}, {"records": []}, [1], "x", None])
async def test_something_else_than_rows(
    visma: ScriptedVisma, client: VismaClient, body: object
) -> None:
    visma.say(Answer(body=body))
    with pytest.raises(VismaUnreadable):
        await numbers(client)


class Living:
    """A list that changes between two pages, answered as Visma would."""

    def __init__(self, *present: int) -> None:
        self.present = list(present)
        self.changes: dict[int, Callable[[list[int]], None]] = {}
        self.calls = 0

    def answer(self, number: int, size: int) -> Answer:
        if change := self.changes.get(self.calls):
            change(self.present)
        self.calls += 1
        cut = self.present[(number - 1) * size : number * size]
        return page(rows(*cut), len(self.present))


@pytest.fixture
def living(visma: ScriptedVisma, monkeypatch: pytest.MonkeyPatch) -> Living:
    world = Living(*range(1, 11))

    def answer(asked: Any) -> Any:
        if asked.path == "/connect/token":
            return Answer(body={"access_token": "t", "expires_in": 3600})
        return world.answer(int(asked.query["pageNumber"]), int(asked.query["pageSize"]))

    monkeypatch.setattr(visma, "_next", answer)
    return world


async def test_rows_that_leave_push_none_past_us(living: Living, client: VismaClient) -> None:
    living.changes[1] = lambda present: present.remove(2)
    assert set(await numbers(client, 3)) == set(range(1, 11))


async def test_a_list_that_empties_is_followed_to_its_end(
    living: Living, client: VismaClient
) -> None:
    living.changes[2] = lambda present: present.__delitem__(slice(2, None))
    assert set(await numbers(client, 3)) >= {1, 2}


async def test_a_row_that_moves_to_the_end_hides_no_other(
    living: Living, client: VismaClient
) -> None:
    """The total stays, so only counting what was seen can tell."""

    def edit(present: list[int]) -> None:
        present.remove(1)
        present.append(1)

    living.changes[2] = edit
    assert set(await numbers(client, 3)) == set(range(1, 11))


async def test_rows_that_join_are_welcome(living: Living, client: VismaClient) -> None:
    living.changes[1] = lambda present: present.insert(0, 0)
    living.changes[2] = lambda present: present.append(11)
    assert set(range(1, 12)) <= set(await numbers(client, 3))


async def test_a_list_that_never_stands_still_is_not_called_whole(
    living: Living, client: VismaClient
) -> None:
    def rotate(present: list[int]) -> None:
        present.append(present.pop(0))

    hidden = 4
    living.present = [1, 2, 3, hidden, 5, 6]

    def swap(present: list[int]) -> None:
        """Row 4 is always on the page that is not being read."""
        present.remove(hidden)
        present.insert(0 if living.calls % 2 else 5, hidden)

    for call in range(20):
        living.changes[call] = swap
    with pytest.raises(VismaTruncated, match="never whole"):
        await numbers(client, 3)
