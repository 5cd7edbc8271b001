"""What the scripts of both systems share: what they are told by variables, and what they found, as JSON."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

ROLE = os.environ.get("ROLE", "")
AWAITING = os.environ.get("HOW") == "awaiting"
SIZE = int(os.environ.get("SIZE", "8"))
COUNT = int(os.environ.get("COUNT", "1000"))
RATE = int(os.environ.get("RATE") or 0)  # Make hands on what nobody set, as nothing.
"""Messages a second; 0 is as many as pass: of these only the first says when it was sent, for what would be measured
otherwise is the clock."""
LINGER = float(os.environ.get("LINGER", "0"))
"""Seconds that a node stays when all was sent or came, so that somebody can look at the memory of all. The end of a source
of dora-rs takes what it sent with it, if it comes too soon."""

now = time.time_ns
"""The clock that scripts, components and programs share."""


def due(began: int, number: int) -> float:
    """Seconds until the message is to be sent, where they are paced."""
    return max(0.0, (began + number * 1_000_000_000 // RATE - now()) / 1e9)


def tell(found: dict[str, int]) -> None:
    Path(os.environ["FOUND"]).write_text(json.dumps(found))


def lingering() -> float:
    """Of a source, when it has sent all: tells so, and gives how long it stays."""
    if LINGER:
        tell({"sent": COUNT})
    return LINGER


class Taken:
    """What came. It is told when all have, and again at the end."""

    def __init__(self) -> None:
        self.delays: list[int] = []
        self.first = self.served = self.last = self.count = 0

    def add(self, value: Any, sent: int = 0) -> None:
        """`value`: a view of bytes. `sent`: when, where the first 8 of them do not say it."""
        if RATE or not self.count:
            come = now()
            sent = sent or int.from_bytes(value[:8], "little")
            if not self.count:
                self.first, self.served = sent, come
            if RATE:
                self.delays.append(come - sent)
        self.count += 1
        if self.count == COUNT:
            self.last = now()
            self.tell()

    def tell(self) -> None:
        delays = sorted(self.delays[len(self.delays) // 10 :])
        found = {"count": self.count, "first": self.first, "served": self.served, "last": self.last or now()}
        if delays:
            found |= {name: delays[round((len(delays) - 1) * part)] for name, part in QUANTILES.items()}
        tell(found)


QUANTILES = {"p50": 0.5, "p99": 0.99, "max": 1.0}
