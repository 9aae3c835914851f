"""What the pages of looks behind pseudonyms and of an erasure hold; a name is in neither."""

from __future__ import annotations

from pydantic import Field

from releve.accounts.identity_notices import LookNotice
from releve.accounts.looks import ContactAccess, IdentityLook
from releve.accounts.person_erasure import ErasurePreview
from releve.desk.page import PageModel


class IdentityPage(PageModel):
    """Every look, the newest first, the unread notices of the reader, and looks at contacts."""

    time_zone: str
    names: bool = Field(description="This installation holds names")
    notices: tuple[LookNotice, ...]
    looks: tuple[IdentityLook, ...]
    contacts: tuple[ContactAccess, ...]


class ErasePage(PageModel):
    """What an erasure would take and leave, by kind, once a pseudonym is given."""

    preview: ErasurePreview | None = None
