"""What holds on every transport, as tests that the author of one runs on it."""

import pkgutil

import pytest

pytest.register_assert_rewrite(*(f"{__name__}.{each.name}" for each in pkgutil.iter_modules(__path__)))

from oiafed_rpc.testing.conformance.federation import Federation  # noqa: E402 - first, asserts are made to tell values
from oiafed_rpc.testing.conformance.suite import TransportConformance  # noqa: E402

__all__ = ["Federation", "TransportConformance"]
