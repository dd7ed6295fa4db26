"""The store is put back to a day before a journal was posted: Visma has it, and has it once."""

import sqlite3
from contextlib import closing
from decimal import Decimal
from pathlib import Path

from tests.activities.buying import add_buyer
from tests.activities.delivered import delivered_order, post
from tests.activities.workbench import MortalStore, Workbench


def back_up(bench: Workbench, to: Path) -> None:
    with (
        closing(sqlite3.connect(bench.home / "store.db")) as store,
        closing(sqlite3.connect(to)) as copy,
    ):
        store.backup(copy)


def put_back(bench: Workbench, backup: Path) -> None:
    for rest in bench.home.glob("store.db-*"):
        rest.unlink()
    backup.replace(bench.home / "store.db")


async def restore(bench: Workbench, backup: Path) -> None:
    """As the runbook says: no process runs, the file is put back, a process starts."""
    await bench.store.close()
    put_back(bench, backup)
    store = await MortalStore.open(f"sqlite:///{bench.home / 'store.db'}", bench.keys)
    assert isinstance(store, MortalStore)
    store.death = bench.death
    bench.store = store
    bench.restart()


async def test_what_was_posted_after_the_backup_is_not_posted_again(tmp_path: Path) -> None:
    async with Workbench(home=tmp_path) as bench:
        await add_buyer(bench, "restored")
        numbers = [await delivered_order(bench, "restored") for _ in range(3)]
        back_up(bench, tmp_path / "backup.db")
        before = [await post(bench, "restored", number) for number in numbers[:2]]

        await restore(bench, tmp_path / "backup.db")
        calls = bench.calls("restored")
        after = [await post(bench, "restored", number) for number in numbers]
        assert [each.journal_batch for each in after[:2]] == [each.journal_batch for each in before]
        made = bench.books("restored").journals
        assert list(made) == [each.journal_batch for each in after]
        for posted in after:
            debits = sum(line.debit for line in made[posted.journal_batch].lines)
            assert f"{debits} NOK" == posted.amount
            assert debits > Decimal(0)
        # One search for all of them, and one more for each that it shows.
        listed = (bench.calls("restored") - calls)["visma GET /v2/journaltransaction"]
        assert listed == 3
        await bench.store.close()
