"""What generated data types are made of: records, with oneofs or without, and open enumerations."""

from __future__ import annotations

import dataclasses
import enum
from reprlib import recursive_repr
from typing import Any, ClassVar, Self, TypeAlias, TypeVar, cast, dataclass_transform

import numpy as np
import numpy.typing as npt

from oiafed_rpc.one_of import check_one_ofs

R = TypeVar("R", bound="Record")

Tensor: TypeAlias = npt.NDArray[Any]
"""A numpy array of any shape and dtype."""

Tensors: TypeAlias = dict[str, npt.NDArray[Any]]
"""Named arrays in order: the weights of a model, a state dict."""


class Record:
    """Base of the generated dataclasses: equal by value, arrays included, to the bit and the dtype."""

    __slots__ = ()
    __wire__: ClassVar[Any]  # its RecordCodec, set by `bind`

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        names = [field.name for field in dataclasses.fields(cast("Any", self))]
        return all(same_value(getattr(self, name), getattr(other, name)) for name in names)

    @recursive_repr()
    def __repr__(self) -> str:  # one for all: to compile one for each class takes a third of its import
        names = [field.name for field in dataclasses.fields(cast("Any", self))]
        return f"{type(self).__qualname__}({', '.join(f'{name}={getattr(self, name)!r}' for name in names)})"


class OneOfRecord(Record):
    """Base of the generated dataclasses that have oneofs: at most one member of each may be set."""

    __slots__ = ()

    def __post_init__(self) -> None:
        check_one_ofs(self)


@dataclass_transform(kw_only_default=True, eq_default=False, field_specifiers=(dataclasses.field,))
def record(cls: type[R]) -> type[R]:
    """Make a class of records a dataclass with slots, whose constructor takes keywords only.

    The constructor is compiled when it is first used: that takes longer than all the rest of the class, and a process
    uses few of those that a large schema has.
    """
    made = dataclasses.dataclass(init=False, kw_only=True, slots=True, eq=False, repr=False)(cls)
    setattr(made, "__init__", _Constructor(made))  # noqa: B010  # type checkers see the one that comes of it
    return made


class _Constructor:
    """Stands for the `__init__` of a record's class until anyone asks for that."""

    def __init__(self, cls: type[Any]) -> None:
        self._cls = cls

    def __get__(self, instance: object, owner: type[Any] | None = None) -> Any:
        made = _constructor(self._cls)
        setattr(self._cls, "__init__", made)  # noqa: B010
        return made.__get__(instance, owner)


def _constructor(cls: type[Any]) -> Any:
    """Return what dataclasses compiles for the fields of a class: that of another one which has the same."""
    fields = dataclasses.fields(cls)
    same = {name: getattr(cls, name) for name in ("__module__", "__qualname__", "__doc__")}
    if hasattr(cls, "__post_init__"):
        same["__post_init__"] = cls.__post_init__
    annotations = {field.name: field.type for field in fields}
    twin = type(cls.__name__, (), {**{field.name: field for field in fields}, "__annotations__": annotations, **same})
    return vars(dataclasses.dataclass(kw_only=True, eq=False, repr=False)(twin))["__init__"]


@record
class Empty(Record):
    """The message `google.protobuf.Empty` as a field: it says no more than that it is there."""


def same_value(left: object, right: object) -> bool:
    """Whether two values of the schema language are equal; arrays by dtype, shape and bytes."""
    if isinstance(left, np.ndarray) or isinstance(right, np.ndarray):
        both = isinstance(left, np.ndarray) and isinstance(right, np.ndarray)
        return both and _same_array(cast("Tensor", left), cast("Tensor", right))
    if isinstance(left, dict) and isinstance(right, dict):
        ours, theirs = cast("dict[object, object]", left), cast("dict[object, object]", right)
        return ours.keys() == theirs.keys() and all(same_value(ours[key], theirs[key]) for key in ours)
    if isinstance(left, list) and isinstance(right, list):
        ours_, theirs_ = cast("list[object]", left), cast("list[object]", right)
        return len(ours_) == len(theirs_) and all(map(same_value, ours_, theirs_))
    return left == right


def _same_array(left: Tensor, right: Tensor) -> bool:
    if left.dtype != right.dtype or left.shape != right.shape:
        return False
    return bool(left.tobytes() == right.tobytes()) if not left.dtype.hasobject else bool(np.array_equal(left, right))


class OpenEnum(enum.IntEnum):
    """An enumeration that also admits numbers a newer schema may send, as proto3's enumerations do.

    `Phase(7)` of a schema that knows no 7 is a member named `UNKNOWN_7`; it keeps its number when sent on.
    """

    @classmethod
    def _missing_(cls, value: object) -> Self | None:
        if not isinstance(value, int) or not -(2**31) <= value < 2**31:
            return None
        member = int.__new__(cls, value)
        member._name_ = f"UNKNOWN_{value}".replace("-", "MINUS_")
        member._value_ = value
        return member
