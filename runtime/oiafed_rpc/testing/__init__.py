"""Tools for the tests of federations, and of what extends this package.

The conformance suite needs pytest and pytest-asyncio: `pip install oiafed-rpc[test]`.
"""

from typing import TYPE_CHECKING, Any

from oiafed_rpc.testing.clock import ManualClock

if TYPE_CHECKING:
    from oiafed_rpc.testing.conformance import Federation, TransportConformance

__all__ = ["Federation", "ManualClock", "TransportConformance"]


def __getattr__(name: str) -> Any:
    """Import what needs pytest when it is first used."""
    if name in __all__:
        from oiafed_rpc.testing import conformance

        return getattr(conformance, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
