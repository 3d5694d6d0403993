"""Drawings as SVG and PNG, by vl-convert: without a browser and without a network."""

import xml.etree.ElementTree as ET
from typing import Any

import vl_convert

from moralsc.reports.look import Drawing

_SVG = "http://www.w3.org/2000/svg"
_ARIA = ("role", "aria-label", "aria-roledescription", "aria-hidden")


def svg(drawing: Drawing) -> str:
    """An SVG file."""
    return vl_convert.vegalite_to_svg(_spec(drawing), allowed_base_urls=[])


def png(drawing: Drawing, scale: float = 2) -> bytes:
    """A PNG file; its colours have to be plain ones, such as LIGHT's."""
    return vl_convert.vegalite_to_png(_spec(drawing), scale=scale, allowed_base_urls=[])


def inline(drawing: Drawing) -> str:
    """An SVG element to stand within HTML: as wide as there is room for it up to its own width, one image to screen
    readers, and each figure with what it says for a pointer.
    """
    root = ET.fromstring(svg(drawing))
    for element in root.iter():
        element.tag = element.tag.removeprefix(f"{{{_SVG}}}")
        what = {name: element.attrib.pop(name, "") for name in _ARIA}
        if what["aria-label"] and what["role"] == "graphics-symbol" and "title" not in what["aria-roledescription"]:
            ET.SubElement(element, "title").text = what["aria-label"]
    root.set("role", "img")
    root.set("aria-label", str(drawing.description))
    return ET.tostring(root, encoding="unicode", short_empty_elements=False)


def _spec(drawing: Drawing) -> dict[str, Any]:
    return drawing.to_dict(validate=False)  # the tests validate; here it would take longer than to draw
