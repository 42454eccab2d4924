"""Pickle that runs no code: a writer that names factories only, and a reader that calls nothing else."""

from oiafed_rpc.serializer.pickling.serializer import PickleSerializer

__all__ = ["PickleSerializer"]
