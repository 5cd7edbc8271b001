"""Leaves a hundred children behind that go on when it ends."""

import os
import signal

for _ in range(100):
    if os.fork() == 0:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        while True:
            signal.pause()
