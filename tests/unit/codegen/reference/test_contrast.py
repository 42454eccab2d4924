"""The colours of the style sheet: text is legible on what it stands on, in light and dark (WCAG 2.2, AA)."""

from __future__ import annotations

import functools
import re

import pytest

from tests.golden.reference_pages import CASE, make

TEXT = 4.5
GRAPHICS = 3.0
PAIRS = [
    *((text, ground, TEXT) for text in ("text", "quiet", "link", "type") for ground in ("page", "panel", "link-panel")),
    *((look, f"{look}-panel", TEXT) for look in ("good", "kind", "bad")),
    *(("arrow", ground, GRAPHICS) for ground in ("page", "panel")),
]


@functools.cache
def schemes() -> dict[str, dict[str, str]]:
    """Return the colours by name in each scheme."""
    style = make(CASE / "schema")["reference.css"]
    light, dark = (dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6});", block)) for block in _blocks(style))
    assert light.keys() == dark.keys()
    return {"light": light, "dark": dark}


def _blocks(style: str) -> list[str]:
    return re.findall(r":root \{(.*?)\}", style, re.DOTALL)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(("text", "ground", "least"), PAIRS)
def test_contrast(scheme: str, text: str, ground: str, least: float) -> None:
    colours = schemes()[scheme]
    one, other = sorted((_luminance(colours[text]), _luminance(colours[ground])))
    assert (other + 0.05) / (one + 0.05) >= least


def _luminance(colour: str) -> float:
    parts = [int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
