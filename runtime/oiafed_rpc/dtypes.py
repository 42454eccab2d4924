"""The names of dtypes on the wire: numpy's own, those of ml_dtypes, and those of packed records of them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, cast
from urllib.parse import quote, unquote

import numpy as np

_KINDS = frozenset("biufcSUmM")
_EXTENSIONS = frozenset(
    {
        *("bfloat16", "float8_e3m4", "float8_e4m3", "float8_e4m3b11fnuz", "float8_e4m3fn"),
        *("float8_e4m3fnuz", "float8_e5m2", "float8_e5m2fnuz", "float8_e8m0fnu"),
    }
)
_NAME = re.compile(r"[<>|][biufcSUmM]\d{0,9}(\[\d{0,9}[A-Za-z]{1,2}\])?")  # numpy takes its time over longer ones
_LONGEST = 4000
_SENDABLE = "only numbers, booleans, strings, times and packed records of these can"


def dtype_name(dtype: np.dtype[Any]) -> str:
    """The name of a dtype on the wire.

    It is numpy's with its byte order (`<f4`), or that of ml_dtypes (`bfloat16`). A structured dtype lists its fields,
    their names percent-encoded: `{x:<f4,label:<U3}`.

    Raises:
        ValueError: for what has no portable bytes: objects, raw void, and fields that are nested, arrays or not packed.
    """
    if dtype.names:
        return _fields_name(dtype, dtype.names)
    if dtype.name in _EXTENSIONS and dtype.isnative:
        return dtype.name
    if dtype.kind in _KINDS and _NAME.fullmatch(dtype.str):
        return dtype.str
    raise ValueError(f"arrays of dtype {dtype} can't be sent: {_SENDABLE}")


def _fields_name(dtype: np.dtype[Any], names: tuple[str, ...]) -> str:
    fields = cast("Mapping[str, tuple[Any, ...]]", dtype.fields)
    parts: list[str] = []
    end = 0
    for name in names:
        kind, offset = fields[name][:2]
        if offset != end:
            raise _not_packed(name)
        if kind.names or kind.subdtype or len(fields[name]) > 2:
            raise ValueError(f"arrays with the field {name!r} of dtype {kind} can't be sent: {_SENDABLE}")
        try:
            parts.append(f"{quote(name, safe='')}:{dtype_name(kind)}")
        except ValueError:
            raise ValueError(f"arrays with the field {name!r} of dtype {kind} can't be sent: {_SENDABLE}") from None
        end += kind.itemsize
    if end != dtype.itemsize:
        raise _not_packed(names[-1])
    spelt = f"{{{','.join(parts)}}}"
    if len(spelt) > _LONGEST:
        raise ValueError(f"a structured dtype of {len(names)} fields can't be sent: its name is longer than {_LONGEST}")
    return spelt


def _not_packed(name: str) -> ValueError:
    return ValueError(
        f"arrays with gaps at the field {name!r} can't be sent: numpy.lib.recfunctions.repack_fields closes them"
    )


def dtype_named(name: str) -> np.dtype[Any]:
    """The dtype of a name on the wire.

    Raises:
        ValueError: for a name that `dtype_name` never gives.
    """
    if name.startswith("{"):
        return _structured(name)
    if name in _EXTENSIONS:
        import ml_dtypes  # takes 10 ms to import, and most nodes never need it

        extension: np.dtype[Any] = np.dtype(getattr(ml_dtypes, name))
        return extension
    if not _NAME.fullmatch(name):
        raise ValueError(f"unknown dtype {name[:40]!r}")
    try:
        dtype = np.dtype(name)
    except (TypeError, ValueError, SyntaxError):
        raise ValueError(f"unknown dtype {name[:40]!r}") from None
    if dtype.kind not in _KINDS or dtype.str != name:
        raise ValueError(f"dtype {name[:40]!r} is not allowed")
    return dtype


def _structured(name: str) -> np.dtype[Any]:
    if len(name) > _LONGEST:
        raise ValueError(f"a dtype name of {len(name)} characters is longer than {_LONGEST}")
    fields: list[tuple[str, np.dtype[Any]]] = []
    for part in name[1:-1].split(","):
        field, _, kind = part.partition(":")
        if kind.startswith("{"):
            raise ValueError(f"unknown dtype {name[:40]!r}")
        fields.append((unquote(field), dtype_named(kind)))
    dtype: np.dtype[Any] = np.dtype(fields)  # raises ValueError for a field that is there twice
    if dtype_name(dtype) != name:
        raise ValueError(f"unknown dtype {name[:40]!r}")
    return dtype
