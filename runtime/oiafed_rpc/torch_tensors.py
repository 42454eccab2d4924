"""Tensors of torch as arrays of numpy and back, in a process that uses torch; nothing here imports it."""

from __future__ import annotations

import sys
from typing import Any, cast

import numpy as np

from oiafed_rpc.dtypes import dtype_named
from oiafed_rpc.records import Tensor

_CARRIERS = {1: "uint8", 2: "int16"}
"""By their bytes, the dtypes that carry those of torch that numpy has no own of."""


def _torch() -> Any:
    module = sys.modules.get("torch")
    return module if hasattr(module, "Tensor") else None  # None also while it is being imported


def is_torch_tensor(value: object) -> bool:
    """Whether a value is a tensor of torch."""
    torch = _torch()
    return torch is not None and isinstance(value, torch.Tensor)


def array_of_torch(tensor: Any) -> Tensor:
    """The array of a dense tensor on the CPU, over its memory where that lies in C order.

    Raises:
        ValueError: for one on another device, a sparse or quantized one, or a dtype that has no name on the wire.
    """
    torch = _torch()
    if tensor.device.type != "cpu":
        raise ValueError(f"a tensor on the device {tensor.device} can't be sent: send tensor.cpu()")
    if tensor.layout is not torch.strided or tensor.is_quantized:
        raise ValueError("a sparse or quantized tensor can't be sent: send tensor.to_dense() or tensor.dequantize()")
    dense = tensor.detach().resolve_conj().resolve_neg().contiguous()
    name = str(dense.dtype).removeprefix("torch.")
    if name == "bfloat16" or name.startswith("float8"):
        dtype = dtype_named(name)
        carried = dense.view(getattr(torch, _CARRIERS[dtype.itemsize])).numpy()
        return cast("Tensor", carried.view(dtype))
    try:
        return cast("Tensor", dense.numpy())
    except TypeError:
        raise ValueError(f"a tensor of dtype {dense.dtype} can't be sent: numpy has no such dtype") from None


def torch_of_array(array: Tensor) -> Any:
    """The tensor over the memory of a writable array; the array itself in a process that does not use torch.

    Raises:
        TypeError: for a dtype that torch does not have.
    """
    torch = _torch()
    if torch is None:
        return array
    own = getattr(torch, array.dtype.name, None)
    if array.dtype.name == "bfloat16" or array.dtype.name.startswith("float8"):
        if own is None:
            raise TypeError(f"torch has no dtype {array.dtype.name}")
        return torch.from_numpy(array.view(np.dtype(_CARRIERS[array.dtype.itemsize]))).view(own)
    return torch.from_numpy(array)
