"""Comes to the door of its host as a stranger: with garbage, in silence, as somebody else, and all at once."""

import os
import signal
import socket
from pathlib import Path

runtime = os.environ.get("XDG_RUNTIME_DIR")
folder = Path(runtime, "thalweg") if runtime else Path(f"/tmp/thalweg-{os.getuid()}")
doors = list(folder.glob(f"*.{os.getppid()}.*.sock"))
assert doors, "there is no door"
silent = []
for door in doors:
    for words in [b"", b"\xff" * 65536, b"\xff\xff\xff\xff", b"\1\0\0\0\1", b"GET / HTTP/1.1\r\n\r\n"]:
        stranger = socket.socket(socket.AF_UNIX)
        stranger.connect(str(door))
        try:
            stranger.sendall(words)
        except OSError:
            pass  # It was shown out meanwhile.
        silent.append(stranger)
for _ in range(100):
    stranger = socket.socket(socket.AF_UNIX)
    stranger.setblocking(False)
    try:
        stranger.connect(str(doors[0]))
    except BlockingIOError:
        pass  # So many wait already.
    silent.append(stranger)
print("knocked")
signal.pause()
