"""A matplotlib figure as SVG inside of a page: without styles of its own, so that the page's colors and security policy hold."""

from __future__ import annotations

import io
import re
from typing import TYPE_CHECKING
from xml.etree import ElementTree

from markupsafe import Markup

from qref.pictures import SETTINGS, UNDATED

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SVG, XLINK = "{http://www.w3.org/2000/svg}", "{http://www.w3.org/1999/xlink}"
KEPT = re.compile(r"(fill|stroke|stroke-.*|fill-opacity|opacity|text-anchor|font-size|image-rendering)")
DROPPED = (f"{SVG}metadata", f"{SVG}style")
PIXELS = 4 / 3  # of a point
NUMBER = re.compile(r"-?\d+\.\d+")


def inline_svg(figure: Figure, name: str, title: str) -> Markup:
    """The figure as an element of HTML.

    name    what the ids in it begin with: another one for each figure of a page
    title   what it shows, for those who do not see it
    """
    root = ElementTree.fromstring(_drawn(figure))
    width, height = root.get("viewBox", "0 0 1 1").split()[2:]
    for parent in root.iter():
        for child in list(parent):
            if child.tag in DROPPED:
                parent.remove(child)
    for element in root.iter():
        _simplify(element, name)
    for marker in root.iterfind(".//defs/path"):  # it has the color of the element that uses it, which the page may change
        marker.attrib.pop("stroke", None)
    root.attrib = {"viewBox": f"0 0 {width} {height}", "width": f"{float(width) * PIXELS:g}", "class": "figure", "role": "img"}
    root.set("aria-label", title)
    return Markup(ElementTree.tostring(root, encoding="unicode"))


def _drawn(figure: Figure) -> bytes:
    """As savefig writes it, which draws everything twice to find out how large it is."""
    import matplotlib
    from matplotlib.backends.backend_svg import FigureCanvasSVG

    file = io.BytesIO()
    with matplotlib.rc_context(SETTINGS):
        FigureCanvasSVG(figure).print_svg(file, metadata=UNDATED["svg"])
    return file.getvalue()


def _simplify(element: ElementTree.Element, name: str) -> None:
    """Styles become attributes, ids get the name before them, coordinates two digits."""
    element.tag = element.tag.removeprefix(SVG)
    attributes = dict(element.attrib)
    style = dict(part.split(":", 1) for part in attributes.pop("style", "").split(";") if ":" in part)
    for key, value in ((key.strip(), value.strip()) for key, value in style.items()):
        if key == "font" and (size := re.search(r"[\d.]+px", value)):
            attributes["font-size"] = size.group()
        elif KEPT.fullmatch(key):
            attributes[key] = "none" if (key, value) == ("fill", "#ffffff") else value
    if element.tag == "g":
        attributes.pop("id", None)
    if "id" in attributes:
        attributes["id"] = f"{name}-{attributes['id']}"
    attributes = {key: value.replace("url(#", f"url(#{name}-") for key, value in attributes.items()}
    if f"{XLINK}href" in attributes:
        attributes["href"] = re.sub("^#", f"#{name}-", attributes.pop(f"{XLINK}href"))
    for key in ("d", "x", "y", "transform", "width", "height"):
        if key in attributes:
            attributes[key] = NUMBER.sub(lambda found: f"{float(found.group()):.2f}", " ".join(attributes[key].split()))
    element.attrib = attributes
    element.text, element.tail = (text if text and text.strip() else None for text in (element.text, element.tail))
