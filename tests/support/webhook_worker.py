"""A worker in a process of its own, with short leases: `python -m tests.support.webhook_worker`.

Takes the settings of the core from the environment, as `hazina worker` does.
"""

from __future__ import annotations

import asyncio
import json
import sys

from hazina.bootstrap.app import open_core
from hazina.bootstrap.settings import Settings
from hazina.webhooks.delivery import Schedule
from hazina.workers.settings import WorkerSettings
from hazina.workers.worker import Worker


async def _main() -> None:
    chosen = json.loads(sys.argv[1])
    core = await open_core(Settings())
    settings = WorkerSettings(
        delivery_lease_ms=chosen["lease_ms"], schedule=Schedule((200,) * 9, 0)
    )
    worker = Worker(core, settings)
    worker.start()
    print("ready", flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(_main())
