"""Prints lines without end."""

while True:
    print("a line of no interest")
