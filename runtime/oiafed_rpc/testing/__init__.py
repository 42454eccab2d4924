"""Tools for the tests of federations, and of what extends this package."""

from oiafed_rpc.testing.clock import ManualClock

__all__ = ["ManualClock"]
