"""Maps: every stored sequence as a point of the plane, near ones near, and queries among them."""

from __future__ import annotations

from .colouring import DESCRIPTION, LABEL, LENGTH, NOTHING, OTHER, Colouring, coloured, colourings
from .kept import AUTO, METHODS, MapFields, MapOptions, drawn
from .layout import PCA, TSNE, Map
from .points import MapPoints

__all__ = [
    "AUTO",
    "DESCRIPTION",
    "LABEL",
    "LENGTH",
    "METHODS",
    "NOTHING",
    "OTHER",
    "PCA",
    "TSNE",
    "Colouring",
    "Map",
    "MapFields",
    "MapOptions",
    "MapPoints",
    "coloured",
    "colourings",
    "drawn",
]
