"""What the pages of the bulletin hold, for a member and for the clerk."""

from __future__ import annotations

from releve.association.bulletin_summaries import ClerkDay, MemberContribution
from releve.desk.page import PageModel


class ContributionPage(PageModel):
    """The member's page; null where the operator is a member of no association."""

    contribution: MemberContribution | None


class ClerkPage(PageModel):
    """The clerk's page; ``association`` is empty where there is none here."""

    association: str
    clerk: ClerkDay | None
