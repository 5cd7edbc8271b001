"""Keeps a core busy."""

while True:
    pass
