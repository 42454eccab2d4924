"""The two parts of the modules that protoc and mypy-protobuf write."""

from __future__ import annotations


def split_head(text: str) -> tuple[str, str]:
    """Return the part of a module that holds all of its imports, and the rest, which can be very long."""
    head, mark, body = text.partition("\nDESCRIPTOR")
    return head, mark + body
