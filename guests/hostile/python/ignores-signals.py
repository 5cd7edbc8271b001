"""Ignores every signal that can be ignored, and waits for ever."""

import signal

for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:
    try:
        signal.signal(number, signal.SIG_IGN)
    except OSError:
        pass  # Two of them belong to the C library.
while True:
    signal.pause()
