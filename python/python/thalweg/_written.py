"""Descriptors that are written in Python instead of YAML."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from typing import Any


def as_json(descriptor: Mapping[str, Any]) -> tuple[str, list[str]]:
    """The descriptor as JSON, which is YAML, with one value a line; and for each line the name of its value,
    as in `nodes[0].inputs.tick`."""
    text = json.dumps(dict(descriptor), indent=1, ensure_ascii=False, allow_nan=False, default=_plain)
    return text, list(_places(json.loads(text), ""))


def _plain(value: object) -> object:
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"a descriptor holds no {type(value).__name__}: {value!r}")


def _places(value: object, place: str) -> Iterator[str]:
    yield place
    match value:
        case dict() if value:
            for name, inner in value.items():
                yield from _places(inner, f"{place}.{name}".removeprefix("."))
            yield place
        case list() if value:
            for index, inner in enumerate(value):
                yield from _places(inner, f"{place}[{index}]")
            yield place
