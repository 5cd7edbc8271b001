"""The same for dora-rs."""

from __future__ import annotations

import asyncio
from typing import Any

import photographs
import pyarrow
from common import RATE, ROLE, Taken, due, lingering, now
from dora import Node

SETTLE = 0.5
"""Seconds for all to shake hands: what is sent before is lost."""


async def source(node: Any) -> None:
    made = photographs.made()
    await asyncio.sleep(SETTLE)
    began = now()
    for number, picture in made:
        if RATE and (wait := due(began, number)) > 0:
            await asyncio.sleep(wait)
        height, width, _ = picture.shape
        node.send_output("out", pyarrow.array(picture.ravel()), {"width": width, "height": height, "sent": now()})
    await asyncio.sleep(lingering())


async def sink(node: Any) -> None:
    taken = Taken()
    while (event := await node.recv_async()) is not None:
        if event["type"] == "INPUT":
            taken.add(memoryview(event["value"].buffers()[1]), int(event["metadata"]["sent"]))
            taken.last = now()
    taken.tell()


asyncio.run(source(Node()) if ROLE == "source" else sink(Node()))
