"""What the guide of a rehearsal holds, in no language."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from releve.desk.live.streams import ShownStream
from releve.desk.page import PageModel
from releve.live import api as live
from releve.network import Operator

StepCode = Literal[
    "matrix", "start", "case", "close", "now", "relief", "incident", "reopening", "crashtest"
]

STEP_PERMISSIONS: Mapping[StepCode, str] = {
    "matrix": "plan.see",
    "start": "drill.run",
    "case": "event.record.case",
    "close": "event.record.closure",
    "now": "situation.see",
    "relief": "relief.people",
    "incident": "incident.work",
    "reopening": "reopening.approve",
    "crashtest": "crashtest.see",
}
"""What the page of a step asks of its reader; others see the step without its link."""


class GuideStep(PageModel):
    """A step, and whether it is done; null where nothing tells."""

    code: StepCode
    done: bool | None = None


class GuidePage(PageModel):
    """The steps of a rehearsal; all but ``ready`` and ``steps`` are empty before it has begun."""

    stream: str = ""
    title: str = ""
    site: str = ""
    site_name: str = ""
    agent: str = ""
    incident: str = ""
    ready: bool
    steps: tuple[GuideStep, ...]


def guide_page(shown: ShownStream, operator: Operator) -> GuidePage:
    """Return the guide: before a drill is looked at, its beginning."""
    found = live.find_rehearsal(shown.name) if shown.title else None
    ready = live.load_activation() is not None
    if found is None:
        first = (GuideStep(code="matrix"), GuideStep(code="start", done=False))
        return GuidePage(ready=ready, steps=first if ready else ())
    return GuidePage.from_row(
        found,
        title=shown.title,
        site_name=operator.site[found.site].name,
        ready=ready,
        steps=(
            GuideStep(code="matrix"),
            GuideStep(code="case" if found.by_rule else "close", done=found.closed),
            GuideStep(code="now"),
            GuideStep(code="relief", done=found.relieved),
            GuideStep(code="incident", done=bool(found.incident)),
            GuideStep(code="reopening", done=found.items_done > 0),
            GuideStep(code="crashtest"),
        ),
    )
