"""What the pages of outbound calls hold: campaigns, a person, a request, rights, the rules."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Annotated, Any

from pydantic import Field, PlainSerializer, SkipValidation

from releve.campaign.figures import AbandonedDay
from releve.campaign.person_lookup import PersonHistory, history_to_json
from releve.desk.page import PageModel
from releve.gate.person_answers import CampaignAnswer, answer_to_json
from releve.gate.person_requests import RecordedRequest
from releve.gate.person_rights import StoredData
from releve.gate.request_feeds import AsideRow, FeedPosition
from releve.outbound import LegalRow
from releve.outbound.legal_rows import LEGAL_ZONE, Words
from releve.outbound.row_json import row_to_json
from releve.outbound.rule_impact import Flip, count_directions, flip_to_json

LegalText = Annotated[Words, PlainSerializer(Words._asdict)]
RuleRow = Annotated[LegalRow, SkipValidation, PlainSerializer(row_to_json)]
PersonRecord = Annotated[PersonHistory, SkipValidation, PlainSerializer(history_to_json)]
CampaignRefusal = Annotated[CampaignAnswer, SkipValidation, PlainSerializer(answer_to_json)]
FlippedCall = Annotated[Flip, SkipValidation, PlainSerializer(flip_to_json)]
_MOST_LISTED = 200


class CampaignCard(PageModel):
    """A campaign; its days, where it has some, are legal days and both included."""

    campaign: str
    client: str
    object: str
    mode: str
    first: date | None
    last: date | None


class CampaignLine(CampaignCard):
    """A campaign in the list."""

    refused_today: int


class CampaignsPage(PageModel):
    """The campaigns that the reader may see; the registers, for those who manage outbound calls."""

    campaigns: tuple[CampaignLine, ...]
    registers: dict[str, int | None] = Field(description="Minutes since each was read; null: never")
    may_look: bool


class CampaignPage(CampaignCard):
    """A campaign's figures from one legal day to another, both included."""

    first: date
    last: date
    allowed: int
    refused: int
    policy_only: int
    by_rule: Mapping[str, int]
    texts: Mapping[str, tuple[LegalText, ...]] = Field(description="Of the rows of each rule")
    by_hour: tuple[int, ...] = Field(description="Attempts by the hour of the callee's clock")
    several_clocks: int
    expiring: Mapping[date, int] = Field(description="Consents, by their last day")
    pacing: tuple[AbandonedDay, ...]
    most_percent: float | None = Field(description="Abandoned calls that policy bears")
    may_look: bool


class SheetPage(CampaignCard):
    """A campaign in a period on one sheet, with how many of its facts there are and are proved."""

    first: date
    last: date
    report: Mapping[str, Any] = Field(description="As in the file sheet.json")
    facts: int
    proved: int
    files: tuple[str, ...]
    time_zone: str = LEGAL_ZONE


class PersonPage(PageModel):
    """A person's history and the verdict on a call now, once it was asked for."""

    time_zone: str = LEGAL_ZONE
    history: PersonRecord | None = None


class RequestPage(PageModel):
    """What was recorded of the request before, and what is refused from now on; in numbers."""

    recorded: RecordedRequest | None = None
    answers: tuple[CampaignRefusal, ...] = ()
    may_see_rights: bool
    may_see_feeds: bool
    time_zone: str = LEGAL_ZONE

    @property
    def refusing(self) -> tuple[CampaignRefusal, ...]:
        """The campaigns that refuse because of what the person said."""
        return tuple(one for one in self.answers if one.for_request)

    @property
    def first_allowed(self) -> datetime | None:
        """When the first of them could call again, if any can be seen to."""
        instants = (one.next_allowed for one in self.refusing if one.next_allowed)
        return min(instants, default=None)


class RightsPage(PageModel):
    """What is stored about a person, in numbers; how many values were erased."""

    stored: StoredData | None = None
    erased: int | None = None


class RulesPage(PageModel):
    """The rows in force on a legal day, of one jurisdiction or of all."""

    on: date
    jurisdiction: str
    jurisdictions: tuple[str, ...]
    version: str
    rows: tuple[RuleRow, ...]
    unsure: int = Field(description="Rows that a lawyer must read")
    sources: dict[str, str] = Field(description="What the numbers of the rows' sources stand for")
    may_change: bool


class FlipsPage(PageModel):
    """Which of the calls that wait a change of the rules would flip; null before it was tried."""

    time_zone: str = LEGAL_ZONE
    calls: int = 0
    flips: tuple[FlippedCall, ...] | None = None
    faults: tuple[str, ...] = Field(
        default=(), description="Of the files; of the tables in the reader's language"
    )

    @property
    def counts(self) -> dict[str, int]:
        """How many calls would become what."""
        return count_directions(self.flips or ())

    @property
    def listed(self) -> tuple[Flip, ...]:
        """The calls that HTML lists; JSON has all of them."""
        return (self.flips or ())[:_MOST_LISTED]

    @property
    def more(self) -> int:
        """How many it does not list."""
        return len(self.flips or ()) - len(self.listed)


class FeedsPage(PageModel):
    """What was read and which rows of it were set aside, the newest first."""

    time_zone: str = LEGAL_ZONE
    read: tuple[FeedPosition, ...]
    set_aside: tuple[AsideRow, ...]
