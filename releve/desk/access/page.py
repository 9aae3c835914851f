"""What the pages of looks behind pseudonyms and of an erasure hold; a name is in neither."""

from __future__ import annotations

from datetime import datetime

from pydantic import Field

from releve.accounts.looks import ContactAccess
from releve.accounts.person_erasure import ErasurePreview
from releve.desk.page import PageModel

_WHETHER = ("name", "values")
"""What is said to be there or not, without a count."""


class LookLine(PageModel):
    """A look behind a pseudonym that was asked for."""

    number: int
    pseudonym: str
    reason: str
    asked_by: str
    asked_at: datetime
    allowed_by: str
    state: str = Field(description="waiting, late (not allowed in time), open or over")
    seen: int = Field(description="How often the name was shown")
    may_allow: bool
    may_see: bool


class LookNotice(PageModel):
    """A notice that a look was asked for or allowed."""

    kind: str = Field(description="asked or allowed")
    by: str
    at: datetime
    pseudonym: str


class IdentityPage(PageModel):
    """Every look, the newest first, the unread notices of the reader, and looks at contacts."""

    time_zone: str
    names: bool = Field(description="This installation holds names")
    notices: tuple[LookNotice, ...]
    looks: tuple[LookLine, ...]
    contacts: tuple[ContactAccess, ...]


class ErasureCounts(PageModel):
    """What an erasure takes and leaves, by kind; for names and values only whether there are."""

    erased: dict[str, int | bool]
    kept: dict[str, int]
    files: tuple[str, ...] = Field(description="Of the plan folder, which hold the pseudonym")


class ErasePage(PageModel):
    """What an erasure would do, once a pseudonym is given."""

    preview: ErasureCounts | None = None


def erase_page(found: ErasurePreview) -> ErasePage:
    """Return what is shown before a person is erased."""
    erased = {
        kind: bool(count) if kind in _WHETHER else count for kind, count in found.erased.items()
    }
    return ErasePage(preview=ErasureCounts(erased=erased, kept=dict(found.kept), files=found.files))
