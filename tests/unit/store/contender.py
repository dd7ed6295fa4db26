"""A process of its own, for `test_processes`: claims parcels and leaves an audit event for each.

Arguments: database URL, key file, tenant, number of parcels to claim at once. Prints what it
claimed as a JSON list, once a line on stdin has told it to go.
"""

import asyncio
import json
import sys
from datetime import UTC, datetime
from pathlib import Path

from ml_connector.security.keys import MasterKeys
from ml_connector.store import Store


async def contend(url: str, key_file: Path, tenant: str, limit: int) -> list[str]:
    claimed: list[str] = []

    async def claim() -> bool:
        async with store.write(tenant) as view:
            bundle = await view.parcels.due(datetime.now(UTC), limit)
            for parcel in bundle:
                view.audit.append("parcel:claimed", actor="contender", order=parcel.order)
        claimed.extend(parcel.tracking_number for parcel in bundle)
        return bool(bundle)

    store = await Store.open(url, MasterKeys.load(None, key_file))
    try:
        # Each is sure of one bundle; for the rest they race.
        await claim()
        print("ready", flush=True)
        await asyncio.to_thread(sys.stdin.readline)
        while await claim():
            pass
        return claimed
    finally:
        await store.close()


if __name__ == "__main__":
    url, key_file, tenant, limit = sys.argv[1:]
    print(json.dumps(asyncio.run(contend(url, Path(key_file), tenant, int(limit)))))
