"""The page of the feeds: what each brought last, what waits for a person, and what a file would change."""

from __future__ import annotations

from typing import Literal

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template import Library
from django.urls import path
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy
from pydantic import AwareDatetime, Field

from releve.accounts.scopes import can
from releve.desk.access.guard import actor_name
from releve.desk.endpoint import ACT, serve
from releve.desk.filters import add_words
from releve.desk.http import page_response
from releve.desk.page import PageModel, Said
from releve.desk.registry.page import translate_table
from releve.desk.text import translate_phrase
from releve.errors import decode_phrase
from releve.registry.service import current_time_zone
from releve.registry.tables import KINDS
from releve.runs import feeds
from releve.runs.feed_reader import CALLS, OPERATOR, SCHEDULES
from releve.runs.job_store import RunError
from releve.runs.models import FeedFile

FeedFileState = Literal["kept", "same", "held", "refused", "missing"]
_MOST_FILES = 100
_MOST_LINES = 20
_STATES = {
    "kept": lazy("stored as a version"),
    "same": lazy("nothing new"),
    "held": lazy("waits for a person"),
    "refused": lazy("refused"),
    "missing": lazy("did not come"),
}
_HOLDS = {OPERATOR: lazy("all tables"), SCHEDULES: lazy("schedules"), CALLS: lazy("calls")}
_CONFIRM = {OPERATOR: "registry_proposal", SCHEDULES: "registry_schedule_confirm", CALLS: "registry_calls_confirm"}
register = Library()
add_words(register, "feed_state", _STATES)


class FeedFileRow(PageModel):
    """What became of a file; without a name: that none came, or what is wrong with the feed."""

    id: int
    feed: str
    name: str
    state: FeedFileState
    at: AwareDatetime
    version: int | None = Field(description="The version that it made")
    changes: dict[str, dict[str, int]] = Field(description="Rows by table: added, changed, removed")
    reason: Said = Field(description="Why it was not kept, or what of it was set aside")
    open: bool = Field(description="A person has to look at it")
    closed_by: str
    lines: tuple[str, ...] = Field(default=(), description="The first faults of its rows, of a file to look at")


class FeedRow(PageModel):
    """A feed."""

    name: str
    holds: str = Field(description="A table by its name, operator (all of them), schedule or calls; empty: not known")
    expected: str = Field(description="When a file comes, by the operator’s clocks; empty: at any time")
    most_removed: float | None = Field(description="Share of a table’s rows that may go without a person")
    fault: Said = Field(default="", description="What is wrong with its feed.toml")


class FileFeedsPage(PageModel):
    """The feeds, and what became of their files, the newest first."""

    time_zone: str
    may_edit: bool
    feeds: tuple[FeedRow, ...]
    files: tuple[FeedFileRow, ...]

    @property
    def waiting(self) -> tuple[FeedFileRow, ...]:
        return tuple(row for row in self.files if row.open)

    @property
    def settled(self) -> tuple[FeedFileRow, ...]:
        return tuple(row for row in self.files if not row.open)


def feed_file_row(row: FeedFile) -> FeedFileRow:
    """Return what became of a file, in the reader's language."""
    lines = feeds.read_fault_lines(row)[:_MOST_LINES] if row.open else ()
    return FeedFileRow.from_row(row, reason=translate_phrase(decode_phrase(row.reason)), lines=lines)


def feeds_page(*, may_edit: bool) -> FileFeedsPage:
    """Return the page; those to look at are on it however old they are."""
    found = list(FeedFile.objects.filter(open=True)) + list(FeedFile.objects.filter(open=False)[:_MOST_FILES])
    return FileFeedsPage(
        time_zone=current_time_zone(),
        may_edit=may_edit,
        feeds=tuple(_feed_row(name) for name in feeds.list_feed_names()),
        files=tuple(map(feed_file_row, found)),
    )


def _feed_row(name: str) -> FeedRow:
    try:
        return FeedRow.from_row(feed := feeds.load_feed(name), expected=feed.text)
    except RunError as error:
        return FeedRow(name=name, holds="", expected="", most_removed=None, fault=translate_phrase(error.args[0]))


@register.filter
def feed_holds(holds: str) -> str:
    """Return what a feed holds."""
    return translate_table(holds) if holds in KINDS and holds != OPERATOR else str(_HOLDS.get(holds, holds))


@serve("registry.see")
def list_feeds(request: HttpRequest) -> HttpResponse:
    """The feeds, and what became of their files."""
    page = feeds_page(may_edit=can(request.user, "registry.edit"))
    return page_response(request, "desk/registry/feeds.html", page)


@serve("registry.edit", ACT, recent=True)
def settle_file(request: HttpRequest, number: int) -> HttpResponse:
    """Look at what a held file would change, as at one that was sent; or take a failure off the list (``close``)."""
    if "close" in request.POST:
        feeds.close_file(number, actor_name(request))
        messages.info(request, _("It is off the list. The data stay as they are."))
        return redirect("registry_feeds")
    holds, upload = feeds.open_file(number, actor_name(request))
    return redirect(_CONFIRM.get(holds, "registry_proposal"), upload.token)


urlpatterns = [
    path("feeds", list_feeds, name="registry_feeds"),
    path("feeds/<int:number>", settle_file, name="registry_feed_file"),
]
