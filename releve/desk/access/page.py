"""What the pages of people hold: who has access, looks behind pseudonyms, an erasure."""

from __future__ import annotations

from pydantic import Field

from releve.accounts.confirmations import ConfirmationLine
from releve.accounts.directory import AccountLine, ProgramLine
from releve.accounts.factor_resets import ResetLine
from releve.accounts.looks import ContactAccess, IdentityLook
from releve.accounts.notices import LookNotice
from releve.accounts.person_erasure import ErasurePreview
from releve.desk.page import PageModel


class SystemState(PageModel):
    """A system of telephony, and whether it holds the newest routes."""

    adapter: str
    state: str


class NewSecret(PageModel):
    """What was just made for an account or a program: a link to choose a password, or a token.

    ``mailed``: the link went to the address of the account, and is not shown.
    """

    name: str
    link: str = ""
    mailed: str = ""
    token: str = ""


class PeoplePage(PageModel):
    """The open accounts and the programs with the roles they hold now, and what needs a hand."""

    made: NewSecret | None = Field(description="Shown in the one answer to the form that made it")
    people: tuple[AccountLine, ...]
    programs: tuple[ProgramLine, ...]
    resets: tuple[ResetLine, ...] = Field(description="Second factors to remove")
    confirmations: tuple[ConfirmationLine, ...] = Field(
        description="Accounts that may approve and count as one person with others"
    )
    systems: tuple[SystemState, ...]
    unreached: dict[str, int] = Field(description="Contacts without an address, by their role")


class IdentityPage(PageModel):
    """Every look, the newest first, the unread notices of the reader, and looks at contacts.

    A name is never in it.
    """

    time_zone: str
    names: bool = Field(description="This installation holds names")
    notices: tuple[LookNotice, ...]
    looks: tuple[IdentityLook, ...]
    contacts: tuple[ContactAccess, ...]


class ErasePage(PageModel):
    """What an erasure would take and leave, by kind, once a pseudonym is given."""

    preview: ErasurePreview | None = None
