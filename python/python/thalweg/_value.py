"""What a node sends."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, TypeAlias

from thalweg._native import ArrowValue, Payload

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer


class SupportsArrowArray(Protocol):
    """An Arrow array or record batch, of any library."""

    def __arrow_c_array__(self, requested_schema: object | None = None) -> tuple[object, object]: ...


class SupportsArrowStream(Protocol):
    """An Arrow table, data frame or chunked array, of any library."""

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object: ...


Value: TypeAlias = (
    "str | ReadableBuffer | Payload | ArrowValue | SupportsArrowArray | SupportsArrowStream"
)
"""Text, bytes in any form, an Arrow value, or what was received."""
