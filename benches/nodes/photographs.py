"""The pictures that come with scikit-image, over and over."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import cycle, islice

import numpy
from common import COUNT
from numpy.typing import NDArray
from skimage import data

NAMES = ["astronaut", "coffee", "chelsea", "rocket"]


def made() -> Iterator[tuple[int, NDArray[numpy.uint8]]]:
    """`COUNT` of them, numbered, in rows of RGB."""
    pictures = [numpy.ascontiguousarray(getattr(data, name)()) for name in NAMES]
    return enumerate(islice(cycle(pictures), COUNT))
