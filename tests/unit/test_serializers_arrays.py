"""Arrays of every dtype, shape and memory layout, in every serializer and in the typed `tensor`."""

from __future__ import annotations

import sys
from typing import Any

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from oiafed_rpc.codec.messages import Value
from oiafed_rpc.codec.misfit import FieldError
from oiafed_rpc.dtypes import dtype_name, dtype_named
from oiafed_rpc.serializer import SerializerError, Serializers
from oiafed_rpc.system.wire import tensor_pb2

from tests.unit.serializer_values import BUILT_IN, again, same

TYPED = Value(tensor_pb2.Tensor)
WAYS = pytest.mark.parametrize("way", [*BUILT_IN, "typed"])


def _again(way: str, array: Any) -> Any:
    if way == "typed":
        return TYPED.decode(TYPED.encode(array, Serializers()), Serializers())
    came = [again(BUILT_IN[way], array, beside=beside) for beside in (True, False)]
    assert same(*came)
    return came[0]


EXTENSIONS = [
    getattr(ml_dtypes, name)
    for name in (
        *("bfloat16", "float8_e3m4", "float8_e4m3", "float8_e4m3b11fnuz", "float8_e4m3fn"),
        *("float8_e4m3fnuz", "float8_e5m2", "float8_e5m2fnuz", "float8_e8m0fnu"),
    )
]
PACKED = np.dtype([("x", "<f4"), ("größe, :{}", ">i8"), ("label", "<U3"), ("at", "<M8[ns]"), ("w", ml_dtypes.bfloat16)])
DTYPES = st.one_of(
    *(arrays.boolean_dtypes(), arrays.integer_dtypes(endianness="="), arrays.integer_dtypes(endianness=">")),
    *(arrays.unsigned_integer_dtypes(endianness=">"), arrays.floating_dtypes(endianness="<")),
    *(arrays.floating_dtypes(endianness=">"), arrays.complex_number_dtypes(endianness=">")),
    *(arrays.datetime64_dtypes(), arrays.timedelta64_dtypes(endianness=">")),
    *(arrays.byte_string_dtypes(min_len=1), arrays.unicode_string_dtypes(endianness=">", min_len=1)),
    st.sampled_from([np.dtype(each) for each in EXTENSIONS] + [PACKED, np.dtype("g"), np.dtype("G")]),
)


@st.composite
def any_array(draw: st.DrawFn) -> Any:
    """An array of random bytes, in C or Fortran order, whole or a view with gaps or negative strides."""
    dtype = draw(DTYPES)
    shape = draw(arrays.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=4))
    count = int(np.prod(shape))
    raw = draw(st.binary(min_size=min(32, count * dtype.itemsize), max_size=32)) * (count * dtype.itemsize)
    if dtype.kind == "b":
        raw = bytes(each & 1 for each in raw[:count])
    elif dtype.names or dtype.kind == "U":
        raw = bytes(len(raw))  # not all bytes are text
    array = np.frombuffer(raw[: count * dtype.itemsize], dtype).reshape(shape) if count else np.empty(shape, dtype)
    layout = draw(st.sampled_from(["C", "F", "gaps", "reversed", "transposed"]))
    if layout == "F":
        return np.asfortranarray(array) if array.ndim else array
    if layout in ("gaps", "reversed") and array.ndim:
        return array[..., :: 2 if layout == "gaps" else -1]
    return array.T if layout == "transposed" else array


@WAYS
@given(any_array())
@settings(max_examples=60, deadline=None)
def test_arrays_come_back_to_the_bit(way: str, array: Any) -> None:
    came = _again(way, array)
    assert same(came, np.asarray(array)), (came, array)
    assert came.flags.c_contiguous
    assert came.flags.writeable


@WAYS
@pytest.mark.parametrize("kind", [*EXTENSIONS, PACKED], ids=str)
def test_dtypes_beyond_numpys_own(way: str, kind: Any) -> None:
    array = np.ones((2, 3), kind)
    assert same(_again(way, array), array)
    assert dtype_named(dtype_name(array.dtype)) == array.dtype


def test_structured_dtypes_have_a_readable_name() -> None:
    assert dtype_name(np.dtype([("x", "<f4"), ("label", "<U3")])) == "{x:<f4,label:<U3}"


REFUSED = {
    "object": (np.array([object()]), "dtype object can't be sent"),
    "void": (np.zeros(2, "V8"), "can't be sent"),
    "masked": (np.ma.masked_array([1], [True]), "mask"),
    "swapped": (np.ones(2, np.dtype(ml_dtypes.bfloat16).newbyteorder(">")), "can't be sent"),
    "object field": (np.zeros(1, [("a", "<f4"), ("b", "O")]), "the field 'b' of dtype object can't be sent"),
    "nested field": (np.zeros(1, [("a", [("b", "<f4")])]), "the field 'a' of dtype .* can't be sent"),
    "array field": (np.zeros(1, [("a", "<f4", (3,))]), "the field 'a' of dtype .* can't be sent"),
    "titled field": (np.zeros(1, [(("title", "a"), "<f4")]), "the field 'a' .* can't be sent"),
    "gaps": (np.zeros(1, np.dtype([("a", "u1"), ("b", "<f8")], align=True)), "gaps at the field 'b'"),
    "end": (np.zeros(1, np.dtype([("a", "<f8"), ("b", "u1")], align=True)), "gaps at the field 'b'"),
    "many fields": (np.zeros(1, [(f"field_{each}", "<f4") for each in range(500)]), "of 500 fields"),
}


@WAYS
@pytest.mark.parametrize("case", REFUSED)
def test_arrays_without_portable_bytes_are_refused(way: str, case: str) -> None:
    array, problem = REFUSED[case]
    with pytest.raises(FieldError if way == "typed" else SerializerError, match=problem):
        _again(way, array)


@pytest.mark.parametrize(
    "name",
    [
        *("", "f4", "=f4", "<f3", "O", "|O", "V8", "|V8", "<f4,<f4", "(2,)<f4", "<U-1", "int8", "bfloat17", "<M8[zz]"),
        *("{}", "{x}", "{x:}", "{x:<f4", "{x:<f4,}", "{x:<f4,x:<f4}", "{x:O}", "{x:{y:<f4}}", "{:<f4}", "{a b:<f4}"),
        *("{x:<f4}}", "{%78:<f4}", "{" + ",".join(f"a{each}:<f4" for each in range(1000)) + "}", "<U99999999999"),
    ],
)
def test_names_that_no_dtype_has_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match=r"dtype|field|longer"):
        dtype_named(name)


@given(st.text(st.sampled_from("{}<>|:,fiUM8[]ns4%x"), max_size=20))
def test_names_of_dtypes_are_spelt_in_one_way_only(name: str) -> None:
    try:
        dtype = dtype_named(name)
    except ValueError:
        return
    assert dtype_name(dtype) == name


# Tensors of torch


def _tensors() -> dict[str, Any]:
    torch = pytest.importorskip("torch")
    plain = torch.arange(12, dtype=torch.float32).reshape(3, 4)
    return {
        "float": plain,
        "grad": plain.clone().requires_grad_(),
        "view": plain[:, ::2],
        "transposed": plain.T,
        "scalar": torch.tensor(1.5),
        "scalar bfloat16": torch.tensor(1.5, dtype=torch.bfloat16),
        "empty": torch.empty(0, 3),
        "conjugate": torch.tensor([1 + 2j]).conj(),
        **{
            str(dtype): plain.to(dtype)
            for dtype in (
                *(torch.bool, torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64),
                *(torch.float16, torch.bfloat16, torch.float64, torch.complex64, torch.complex128),
                *(torch.float8_e4m3fn, torch.float8_e5m2, torch.float8_e4m3fnuz, torch.float8_e5m2fnuz),
            )
        },
    }


@pytest.mark.parametrize("name", list(BUILT_IN))
def test_tensors_of_torch_stay_tensors_of_torch(name: str) -> None:
    torch = pytest.importorskip("torch")
    for case, tensor in _tensors().items():
        for beside in (True, False):
            came = again(BUILT_IN[name], {"w": tensor}, beside=beside)["w"]
            assert isinstance(came, torch.Tensor), case
            assert (came.dtype, came.shape) == (tensor.dtype, tensor.shape), case
            assert came.to(torch.complex128).tolist() == tensor.detach().to(torch.complex128).tolist(), case


def test_tensors_of_torch_arrive_as_arrays_in_typed_calls() -> None:
    torch = pytest.importorskip("torch")
    tensors = _tensors()
    came = _again("typed", tensors["torch.bfloat16"])
    assert (came.dtype, came.shape) == (np.dtype(ml_dtypes.bfloat16), (3, 4))
    assert _again("typed", tensors["grad"]).tolist() == tensors["float"].tolist()
    many = Value(tensor_pb2.Tensors)
    assert list(many.decode(many.encode({"a": tensors["view"]}, Serializers()), Serializers())["a"].shape) == [3, 2]
    for refused in (torch.eye(2).to_sparse(), torch.zeros(2, device="meta")):
        with pytest.raises(FieldError, match=r"tensor.*can't be sent"):
            _again("typed", refused)
        with pytest.raises(SerializerError, match=r"tensor.*can't be sent"):
            Serializers().dump(refused)


@pytest.mark.parametrize("name", list(BUILT_IN))
def test_tensors_of_torch_are_arrays_where_torch_is_not_used(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    torch = pytest.importorskip("torch")
    packed = BUILT_IN[name].dump(torch.ones(3, dtype=torch.bfloat16))
    monkeypatch.delitem(sys.modules, "torch")
    came = BUILT_IN[name].load(packed.data, packed.buffers)
    assert (type(came), came.dtype) == (np.ndarray, np.dtype(ml_dtypes.bfloat16))
