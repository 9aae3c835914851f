"""From a plan to what a page says: values in, words, numbers and paths out; no request, no file."""

from releve.desk.presenters.cell import CellPage, cell_page
from releve.desk.presenters.cells import Desk
from releve.desk.presenters.page import Frame, VerdictPage, desk_of, frame, verdict_page
from releve.desk.presenters.twin import cell_twin, verdict_twin

__all__ = [
    "CellPage",
    "Desk",
    "Frame",
    "VerdictPage",
    "cell_page",
    "cell_twin",
    "desk_of",
    "frame",
    "verdict_page",
    "verdict_twin",
]
