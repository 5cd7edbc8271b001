"""What a script needs that speaks to its host as no package would: the link itself."""

import os

LINK = int(os.environ["THALWEG_LINK"])


def write(body: bytes) -> None:
    """Writes a frame whole. Waits while the host takes nothing."""
    frame = len(body).to_bytes(4, "little") + body
    while frame:
        frame = frame[os.write(LINK, frame) :]
