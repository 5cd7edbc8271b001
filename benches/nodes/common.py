"""What the scripts of both systems share: what they are told by variables, and what they found, as JSON."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

ROLE = os.environ.get("ROLE", "")
AWAITING = os.environ.get("HOW") == "awaiting"
SIZE = int(os.environ.get("SIZE", "8"))
COUNT = int(os.environ.get("COUNT", "1000"))
RATE = int(os.environ.get("RATE") or 0)  # Make hands on what nobody set, as nothing.
"""Messages a second; 0 is as many as pass."""
LINGER = float(os.environ.get("LINGER", "0"))
"""Seconds that a source stays, where its end takes what it sent with it."""

now = time.time_ns
"""The clock that scripts, components and programs share."""


def due(began: int, number: int) -> float:
    """Seconds until the message is to be sent."""
    return max(0.0, (began + number * 1_000_000_000 // RATE - now()) / 1e9) if RATE else 0.0


class Taken:
    """What came: each message carries when it was sent in its first 8 bytes."""

    def __init__(self) -> None:
        self.delays: list[int] = []
        self.first = self.served = self.last = self.count = 0

    def add(self, value: memoryview, sent: int = 0) -> None:
        """`sent`: when, where it is known otherwise."""
        if RATE:
            self.delays.append(now() - int.from_bytes(value[:8], "little"))
        if not self.count:
            self.served = now()
            self.first = sent or int.from_bytes(value[:8], "little")
        self.count += 1

    def tell(self) -> None:
        delays = sorted(self.delays[len(self.delays) // 10 :])
        found = {"count": self.count, "first": self.first, "served": self.served, "last": self.last or now()}
        if delays:
            found |= {name: delays[round((len(delays) - 1) * part)] for name, part in QUANTILES.items()}
        Path(os.environ["FOUND"]).write_text(json.dumps(found))


QUANTILES = {"p50": 0.5, "p99": 0.99, "max": 1.0}
