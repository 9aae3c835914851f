"""What the page of telework holds, in no language."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from releve.accounts.scopes import can
from releve.demand.telework import TeleworkVerdicts, judge_programmes
from releve.demand.telework.document import MOST, MOST_BOUND
from releve.desk.page import PageModel
from releve.registry.models import TeleworkEstimate, Version
from releve.registry.service import load_operator

if TYPE_CHECKING:
    from releve.accounts.scopes import AnyUser


class TeleworkPage(PageModel):
    """The newest estimate, and what follows for every programme of the operator. ``estimate`` 0:
    nothing was measured yet. ``most`` and ``most_bound``: what the reference data hold of an
    efficiency and of its interval; ``edits`` and ``plans``: what the reader may do."""

    time_zone: str
    estimate: int
    version: int
    source: str
    made_at: datetime | None
    verdicts: TeleworkVerdicts
    most: float = MOST
    most_bound: float = MOST_BOUND
    edits: bool
    plans: bool


def telework_page(found: TeleworkEstimate | None, version: Version, user: AnyUser) -> TeleworkPage:
    """Return the page of the newest estimate for a reader."""
    operator = load_operator(version)
    return TeleworkPage(
        time_zone=operator.row.time_zone,
        estimate=0 if found is None else found.pk,
        version=version.number,
        source="" if found is None else found.source,
        made_at=None if found is None else found.made_at,
        verdicts=judge_programmes(operator, None if found is None else found.content),
        edits=can(user, "registry.edit"),
        plans=can(user, "plan.publish"),
    )
