"""Returns what nobody lent it."""

import signal

from thalweg.raw import write

write(b"\5\2\x63")
signal.pause()
