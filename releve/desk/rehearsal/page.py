"""What the guide of a rehearsal holds, in no language."""

from __future__ import annotations

from releve.desk.live.streams import ShownStream
from releve.desk.page import PageModel
from releve.live import api as live
from releve.network import Operator


class GuidePage(PageModel):
    """The steps of a rehearsal; all but ``ready`` and ``steps`` are empty before it begins."""

    stream: str = ""
    drill: str = ""
    site: str = ""
    site_name: str = ""
    agent: str = ""
    incident: str = ""
    ready: bool
    steps: tuple[live.RehearsalStep, ...]


def guide_page(shown: ShownStream, operator: Operator) -> GuidePage:
    """Return the guide: before a drill is looked at, its beginning."""
    found = live.find_rehearsal(shown.name) if shown.title else None
    ready = live.load_activation() is not None
    steps = live.list_rehearsal_steps(found) if ready else ()
    if found is None:
        return GuidePage(drill=shown.title, ready=ready, steps=steps)
    name = operator.site[found.site].name
    return GuidePage.from_row(found, drill=shown.title, site_name=name, ready=ready, steps=steps)
