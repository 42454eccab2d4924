"""What a rule of style finds."""

from __future__ import annotations

from typing import NamedTuple

from oiafed_gen.diagnostics import Location


class Finding(NamedTuple):
    """A place, and what is to say about it."""

    location: Location
    message: str
