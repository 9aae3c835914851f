"""What the API answers, typed. Instants are ISO 8601 in UTC; shares are from 0 to 1; null: unknown.

No answer to a client holds a field of health. To the others: ``cases`` of a site, a count, shown to
those who may see it on the site's page and hidden below five otherwise; and the values of ledger
entries, withheld by the same rule as on the pages of the ledger.
"""

from __future__ import annotations

from typing import Any, Literal

from ninja import Schema
from pydantic import AwareDatetime, ConfigDict, Field

from releve.accounts.reach import EntryView
from releve.desk.page import StreamPage
from releve.desk.registry.page import VersionRow
from releve.live.api import MessageCounts
from releve.plugins.outbound.gate.person_answers import AnswerSummary
from releve.plugins.outbound.gate.person_requests import RecordedRequest


class FaultSchema(Schema):
    """One thing that is wrong; ``field`` is empty where it is not of one field."""

    field: str
    code: str = Field(description="Code of a refusal, empty for a value that cannot be read")
    message: str = Field(description="What is wrong and how to mend it, in the reader's language")


class Error(Schema):
    """What went wrong."""

    status: int
    message: str
    detail: str
    faults: list[FaultSchema] = Field(default=[], description="What is wrong, fault by fault, with 422")


class Failure(Schema):
    """The one shape of every error."""

    error: Error


class Messages(StreamPage):
    """How many agents have a message about days ahead, and how many have acknowledged it."""

    counts: MessageCounts


class Acknowledgement(Schema):
    """The secret of a message's link."""

    token: str = Field(min_length=1, max_length=43)


class Accepted(Schema):
    """What was recorded."""

    seq: int = Field(description="Number of the event's entry in the ledger")
    answers: list[int] = Field(description="Entries of what the rules answered")
    before: bool = Field(description="It was there under this key: nothing was done")
    stream: str


class Entries(Schema):
    """A page of entries, the newest first."""

    count: int
    entries: list[EntryView]
    older: int | None = Field(description="Ask with before= this for the next page")


class Root(Schema):
    """A signed root, as it is sent out."""

    root: dict[str, Any]
    signature: str


class Proof(Root):
    """The proof of one entry; docs/ledger.md says how to check it."""

    entry: dict[str, Any]
    format: str
    hash: str
    path: list[str]
    values: list[dict[str, Any]]


class Versions(Schema):
    """The versions, the current one first."""

    versions: list[VersionRow]


Said = Literal["stop", "refusal", "not-interested", "not-now", "outcome"]
Outcome = Literal[
    "", "conversation", "abandoned", "voicemail", "answered", "no-answer", "busy", "declined",
    "cancelled", "failed", "unallocated",
]  # fmt: skip


class PersonRequest(Schema):
    """What the person at a number says; ``client`` is ``*`` for every client."""

    model_config = ConfigDict(extra="forbid")

    number: str = Field(min_length=1, max_length=40, description="Any French or international form")
    said: Said
    client: str = Field(min_length=1, max_length=128)
    at: AwareDatetime | None = Field(default=None, description="When it was said; null: now")
    channel: str = Field(default="oral", max_length=64)
    outcome: Outcome = Field(default="", description="With said = outcome alone")
    call: str = Field(default="", max_length=300, description="Call-ID, or Call-ID/CSeq")


class Recorded(Schema):
    """A request as it stands: counts, and what the gate would answer."""

    recorded: RecordedRequest
    answers: list[AnswerSummary]


class FeedRows(Schema):
    """Rows of a feed that follow ``position``; cells as in the files (docs/gate.md)."""

    model_config = ConfigDict(extra="forbid")

    position: int = Field(ge=0, le=2**53, description="How many rows were sent before these")
    rows: list[dict[str, str]] = Field(max_length=500)


class FeedFault(Schema):
    """A row that was set aside; ``row`` counts from 1 at the beginning of the feed."""

    row: int
    field: str
    code: str
    message: str


class FeedTaken(Schema):
    """What became of the rows; the next ones follow ``position``."""

    recorded: int
    before: int
    set_aside: int
    position: int
    faults: list[FeedFault]


class Feed(Schema):
    """How many rows of a feed were taken."""

    feed: str
    position: int


class StatisticsRows(Schema):
    """Rows in the columns of a source; ``recorded_at``: when it made them, by default now."""

    model_config = ConfigDict(extra="forbid")

    recorded_at: AwareDatetime | None = None
    rows: list[dict[str, str | float | None]] = Field(min_length=1, max_length=5000)


class StatisticsFault(Schema):
    """What is wrong with a row, or with ``count`` of them; ``row`` counts from 1."""

    row: int
    column: str
    count: int
    message: str


class StatisticsTaken(Schema):
    """What became of the rows; ``older``: a later report of the interval was there already."""

    rows: int
    used: int
    older: int
    faults: list[StatisticsFault]
