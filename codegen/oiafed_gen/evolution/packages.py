"""Packages that are gone or have moved: what they hold cannot be compared, or not found in Python."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from oiafed_gen.codes import Code
from oiafed_gen.diagnostics import Location
from oiafed_gen.evolution.breaches import Breach, Level
from oiafed_gen.model import File


def package_breaches(old: Iterable[File], new: Iterable[File]) -> Iterator[Breach]:
    """Yield a breach for each package of proto that is gone, and for each that has another name in Python now."""
    by_package, by_path = _by_package(new), {file.path: file for file in new}
    for package, file in _by_package(old).items():
        now = by_package.get(package)
        if now is None:
            yield from _gone(file, by_path)
        elif file.python != now.python:
            message = f"the Python package '{file.python}' is '{now.python}' now"
            yield _breach(Level.SOURCE, f"python {package}", Location(now.path), message)


def _gone(file: File, by_path: Mapping[str, File]) -> Iterator[Breach]:
    now = by_path.get(file.path)
    what = f"is '{now.package}' now" if now else "was removed"
    message = f"the package '{file.package}' {what}: no older node finds anything in it any more"
    for level in Level:
        yield _breach(level, file.package, Location(now.path if now else ""), message)


def _by_package(files: Iterable[File]) -> dict[str, File]:
    found: dict[str, File] = {}
    for file in files:
        found.setdefault(file.package, file)
    return found


def _breach(level: Level, path: str, location: Location, message: str) -> Breach:
    advice = "keep the old package beside the new one until no node uses it" if level is Level.WIRE else ""
    return Breach(code=Code.CHANGED_PACKAGE, level=level, path=path, location=location, message=message, advice=advice)
