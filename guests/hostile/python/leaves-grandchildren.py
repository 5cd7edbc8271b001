"""Leaves grandchildren behind, which have no parent any more and hold its streams and its link."""

import os
import signal

for _ in range(5):
    child = os.fork()
    if child == 0:
        if os.fork() == 0:
            while True:
                signal.pause()
        os._exit(0)
    os.waitpid(child, 0)
