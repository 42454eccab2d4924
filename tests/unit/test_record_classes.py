"""`record` makes what `dataclasses` would, but compiles the constructor when it is first asked for."""

from __future__ import annotations

import copy
import dataclasses
import inspect
import pickle
import typing

import pytest
from oiafed_rpc import stub


@stub.record
class Fit(stub.Record):
    """How to train."""

    epochs: int
    rate: float = 0.5
    tags: dict[str, str] = dataclasses.field(default_factory=dict[str, str])


@stub.record
class Event(stub.OneOfRecord):
    """What happened."""

    payload: typing.ClassVar[stub.OneOf[typing.Literal["text", "number"]]] = stub.OneOf("text", "number")
    text: str | None = None
    number: int | None = None


def _made() -> type[stub.Record]:
    """A class that no one has used."""

    @stub.record
    class Fit(stub.Record):
        """How to train."""

        epochs: int
        rate: float = 0.5
        tags: dict[str, str] = dataclasses.field(default_factory=dict[str, str])

    return Fit


def _compiled() -> type[stub.Record]:
    """The same made by dataclasses alone."""

    @dataclasses.dataclass(kw_only=True, slots=True, eq=False, repr=False)
    class Fit(stub.Record):
        """How to train."""

        epochs: int
        rate: float = 0.5
        tags: dict[str, str] = dataclasses.field(default_factory=dict[str, str])

    return Fit


def test_the_constructor_is_compiled_when_it_is_first_used() -> None:
    made = _made()
    assert not inspect.isfunction(vars(made)["__init__"])
    assert "epochs=3" in repr(typing.cast("typing.Any", made)(epochs=3))
    assert inspect.isfunction(vars(made)["__init__"])


def test_signatures_and_annotations_are_those_of_dataclasses() -> None:
    made, compiled = _made(), _compiled()
    assert inspect.signature(made) == inspect.signature(compiled)
    assert inspect.signature(made.__init__) == inspect.signature(compiled.__init__)
    assert typing.get_type_hints(made.__init__) == typing.get_type_hints(compiled.__init__)
    assert made.__init__.__module__ == compiled.__init__.__module__


@pytest.mark.parametrize(("arguments", "keywords"), [((), {}), ((1,), {}), ((), {"epochs": 1, "epoch": 1})])
def test_wrong_calls_fail_with_the_same_words(arguments: tuple[int, ...], keywords: dict[str, int]) -> None:
    told: list[str] = []
    for cls in (_made(), _compiled()):
        with pytest.raises(TypeError) as raised:
            typing.cast("typing.Any", cls)(*arguments, **keywords)
        told.append(str(raised.value).replace("_compiled", "_made"))
    assert told[0] == told[1]


def test_records_are_dataclasses_with_slots() -> None:
    assert dataclasses.is_dataclass(typing.cast("object", Fit))
    assert [field.name for field in dataclasses.fields(Fit)] == ["epochs", "rate", "tags"]
    fit = Fit(epochs=1)
    assert not hasattr(fit, "__dict__")
    assert Fit(epochs=1).tags is not fit.tags
    assert dataclasses.replace(fit, epochs=2) == Fit(epochs=2)


def test_records_can_be_pickled_and_copied() -> None:
    fit = Fit(epochs=1, tags={"a": "b"})
    assert pickle.loads(pickle.dumps(fit)) == copy.copy(fit) == copy.deepcopy(fit) == fit


def test_derived_classes_call_the_constructor() -> None:
    @stub.record
    class Base(stub.Record):
        """Its constructor is first asked for by `super()`."""

        epochs: int

    class Twice(Base):
        def __init__(self, epochs: int) -> None:
            super().__init__(epochs=2 * epochs)

    assert Twice(2).epochs == 4
    assert Base(epochs=1).epochs == 1
    assert list(inspect.signature(Twice).parameters) == ["epochs"]


def test_one_ofs_are_checked() -> None:
    assert Event(text="x").payload == "text"
    with pytest.raises(ValueError, match="both set"):
        Event(text="x", number=1)
