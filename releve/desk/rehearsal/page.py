"""What the guide of a rehearsal holds, in no language."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from django.urls import reverse
from django.utils.http import urlencode

from releve.desk.live.streams import Looked
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
    """A step: where it is done, and whether it is; ``done`` null where nothing tells."""

    code: StepCode
    url: str
    done: bool | None


class GuidePage(PageModel):
    """The steps of a rehearsal; ``stream`` is empty before it has begun."""

    stream: str
    title: str
    site: str
    site_name: str
    agent: str
    ready: bool
    steps: tuple[GuideStep, ...]


def guide_page(looked: Looked, operator: Operator) -> GuidePage:
    """Return the guide: before a drill is looked at, its beginning."""
    found = live.find_rehearsal(looked.name) if looked.title else None
    ready = live.load_activation() is not None
    if found is None:
        first = GuideStep(code="start", url=reverse("rehearsal_start"), done=False)
        steps: tuple[GuideStep, ...] = (_step("matrix", "verdict"), first) if ready else ()
        return GuidePage(
            stream="", title="", site="", site_name="", agent="", ready=ready, steps=steps
        )
    site = {"site": found.site}
    act = ("case", "record_case") if found.by_rule else ("close", "record_closure")
    room = reverse("incident_room", args=[found.incident]) if found.incident else ""
    return GuidePage(
        stream=found.stream,
        title=looked.title,
        site=found.site,
        site_name=operator.site[found.site].name,
        agent=found.agent,
        ready=ready,
        steps=(
            _step("matrix", "verdict"),
            _step(*act, done=found.closed, query=site),  # type: ignore[arg-type]
            _step("now", "now"),
            _step("relief", "relief", done=found.relieved),
            GuideStep(
                code="incident",
                url=room or f"{reverse('incident')}?{urlencode(site)}",
                done=bool(found.incident),
            ),
            GuideStep(
                code="reopening",
                url=reverse("record_reopening", args=[found.site]),
                done=found.items_done > 0,
            ),
            _step("crashtest", "crashtest"),
        ),
    )


def _step(
    code: StepCode, name: str, *, done: bool | None = None, query: dict[str, str] | None = None
) -> GuideStep:
    address = reverse(name)
    return GuideStep(
        code=code, url=f"{address}?{urlencode(query)}" if query else address, done=done
    )
