"""Arguments as they arrive over a wire: a `float` of the schema has 32 bits there, and 64 in Python."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from oiafed_rpc.codec.messages import Params
from oiafed_rpc.codec.misfit import FieldError
from oiafed_rpc.method import Method
from oiafed_rpc.testing.fakes.call import Received


def narrowed(spec: Method[Any], arguments: Mapping[str, Any]) -> Mapping[str, Any]:
    """The arguments of a call as its receiver gets them; as they are where they cannot travel.

    Args:
        spec: The method.
        arguments: By any names, in the order of the method's parameters.
    """
    try:
        return dict(zip(arguments, _travelled(spec, list(arguments.values())), strict=True))
    except FieldError:
        return arguments


def _travelled(spec: Method[Any], values: list[Any]) -> list[Any]:
    if not isinstance(spec.request, Params):
        return [_value(spec, value) for value in values]
    names = spec.request.names
    given = dict(zip(names, values, strict=True))
    head = spec.request.adopt({name: given[name] for name in spec.request.head})
    return [head[name] if name in head else _value(spec, given[name]) for name in names]


def _value(spec: Method[Any], value: Any) -> Any:
    if isinstance(value, Received):
        return [spec.item_codec.adopt(item) for item in cast("list[object]", value)]
    return spec.request_codec.adopt(value)
