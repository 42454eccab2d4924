"""How numpy computes: the same way in every process."""

from __future__ import annotations

from importlib import import_module
from typing import Any


def one_thread() -> None:
    """Let numpy's linear algebra use one thread.

    Several would sum in an order that depends on their number, and so give other last bits where nodes run side by
    side. It also keeps five nodes on a small machine out of each other's way.
    """
    threadpoolctl: Any = import_module("threadpoolctl")  # comes with scikit-learn; it has no type information
    threadpoolctl.threadpool_limits(limits=1)
