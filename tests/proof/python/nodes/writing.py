"""Writes every message to the file that `sys.argv` names, down to the disk, and then passes it on. Says a line about
each."""

import os
import sys

import thalweg

MOST = 1 << 20
"""Bytes after which the file begins again."""

with thalweg.Node() as node, open(sys.argv[1], "wb") as file:
    for event in node:
        if not isinstance(event, thalweg.Input):
            continue
        if file.tell() > MOST:
            file.truncate(0)
            file.seek(0)
        file.write(event.value)
        file.flush()
        os.fsync(file.fileno())
        print("written:", event.sequence)
        node.send_blocking("out", event.payload, **event.metadata)
