"""What the API answers, typed. Instants are ISO 8601 in UTC; shares are from 0 to 1; null: unknown.

No answer to a client holds a field of health. To the others: ``cases`` of a site, a count, shown to
those who may see it on the site's page and hidden below five otherwise; and the values of ledger
entries, withheld by the same rule as on the pages of the ledger.
"""

from __future__ import annotations

from typing import Any

from ninja import Schema
from pydantic import AwareDatetime, ConfigDict, Field

from releve.accounts.reach import EntryView
from releve.desk.page import StreamPage
from releve.desk.registry.page import VersionRow
from releve.live.api import MessageCounts


class FaultSchema(Schema):
    """One thing that is wrong; ``field`` is empty where it is not of one field."""

    field: str
    code: str = Field(min_length=1, description="What is wrong, for programs: docs/api.md lists all codes")
    message: str = Field(description="What is wrong and how to mend it, in the reader's language")


class Error(Schema):
    """What went wrong."""

    status: int
    code: str = Field(min_length=1, description="What went wrong, for programs: docs/api.md lists all codes")
    message: str = Field(description="In the language of Accept-Language, as detail is")
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

    count: int | None = Field(
        description="Entries of the stream and kind asked for; null where that would tell of one person"
    )
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
    """A page of versions, the current one first."""

    versions: list[VersionRow]
    older: int | None = Field(description="Ask with before= this for the next page")


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
