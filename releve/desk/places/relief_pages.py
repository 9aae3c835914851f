"""The pages of reliefs, in no language: the generations, and two of them compared."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Literal

from django.utils.translation import gettext as _
from pydantic import Field

from releve.desk.page import PageModel, StreamPage
from releve.desk.places.stream_context import StreamContext
from releve.desk.query import require_found
from releve.files.plan_store import StoredPlan, digest_plans
from releve.live import api as live
from releve.live.api import Activation, ComparedDay, Relief


class ReliefRow(PageModel):
    """One generation of who works where."""

    generation: int
    source: Literal["planned", "first", "optimum", "base", "surge"]
    lost: dict[str, dict[str, list[str]]] = Field(description="By day: sites, carriers, home_only")
    moved: int
    asked_at: datetime
    made_at: datetime
    published_at: datetime | None


class PlanInForce(PageModel):
    """The plan in force: the digest of each day's plan."""

    at: datetime
    by: str
    version: int
    days: dict[str, str] = Field(description="Day -> SHA-256 of its plan")


class ReliefsPage(StreamPage):
    """The generations, the one in force first."""

    plan: PlanInForce | None
    reliefs: tuple[ReliefRow, ...]


class ComparisonPage(StreamPage):
    """Two generations beside each other, on the days on which they differ; 0 is the plan."""

    first: int
    second: int
    relief: ReliefRow = Field(description="The second one")
    days: tuple[ComparedDay, ...]


class PublicationPage(StreamPage):
    """The changes from putting the plan folder in force; ``digest`` identifies the plans shown."""

    days: tuple[live.PublishedDay, ...]
    digest: str
    fault: str


def reliefs_page(now: StreamContext) -> ReliefsPage:
    """Return the generations of a stream, and the plan they change."""
    found = live.load_activation()
    plan = None if found is None else PlanInForce.from_row(found)
    rows = live.list_reliefs(now.stream)
    return ReliefsPage(**now.head, plan=plan, reliefs=tuple(map(ReliefRow.from_row, rows)))


def find_relief(stream: str, generation: int) -> Relief:
    """Return a relief by its number; Http404 where there is none."""
    return require_found(
        live.find_relief(stream, generation), _("There is no relief of this number.")
    )


def comparison_page(
    now: StreamContext, first: Relief | None, second: Relief, found: Activation
) -> ComparisonPage:
    """Return two generations beside each other; None is the plan in force itself."""
    return ComparisonPage(
        **now.head,
        first=0 if first is None else first.generation,
        second=second.generation,
        relief=ReliefRow.from_row(second),
        days=live.compare_reliefs(now.operator, first, second, found),
    )


def publication_page(
    now: StreamContext, stored: Sequence[StoredPlan], fault: str
) -> PublicationPage:
    """Return what putting the stored plans in force changes; ``fault``: why it was not done."""
    plans = [item.plan for item in stored]
    return PublicationPage(
        **now.head,
        days=tuple(live.preview_publication(plans, live.load_activation(), now.operator)),
        digest=digest_plans(stored),
        fault=fault,
    )
