"""The books of one who hears everybody: what must have come, in which order, and whether it is whole."""

import zlib
from dataclasses import dataclass
from typing import Literal

import thalweg

Kind = Literal["exact", "again", "once", "any"]
"""What becomes of the numbers of messages on their way: each comes once; each comes, and what was in hand comes again; each
comes once at most; or nothing is known of them. All but the last keep their order."""


@dataclass
class Stream:
    """What has come by one input. Nothing of it is harmed between the output and the input, so the sequences have no gap
    but for what the input dropped."""

    kind: Kind
    sequence: int = 0
    """The next one."""
    number: int = 0
    """The one after the highest that has come."""
    messages: int = 0
    dropped: int = 0
    restarts: int = 0

    def note(self, event: thalweg.Input) -> str | None:
        """What is wrong with the message."""
        due, self.sequence = self.sequence + event.dropped, event.sequence + 1
        self.messages, self.dropped = self.messages + 1, self.dropped + event.dropped
        if event.sequence != due:
            return f"sequence {event.sequence} came where {due} was due"
        metadata = event.metadata
        if "sum" in metadata and zlib.crc32(event.payload) != metadata["sum"]:
            return f"a payload of {len(event.payload)} bytes was changed"
        number = metadata.get("number")
        return self.note_number(number, event.dropped) if isinstance(number, int) else None

    def note_number(self, number: int, dropped: int) -> str | None:
        due, self.number = self.number, max(self.number, number + 1)
        if self.kind == "exact" and number != due + dropped:
            return f"number {number} came where {due + dropped} was due"
        if self.kind == "again" and number > due:
            return f"number {number} came where {due} was due, or one before"
        if self.kind == "once" and number < due:
            return f"number {number} came behind {due - 1}"
        return None

    def close(self, event: thalweg.InputClosed) -> None:
        self.sequence += event.dropped
        self.dropped += event.dropped
