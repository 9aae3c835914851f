"""The grid of people and days: seen, filtered, edited as a draft, printed, and put in force."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from itertools import groupby

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect
from django.urls import path
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from releve.accounts.scopes import can
from releve.desk.access.guard import actor_name
from releve.desk.endpoint import ACT, serve
from releve.desk.grid.page import (
    DutyPage,
    DutyRow,
    EffectPage,
    GridQuery,
    RosterPrint,
    TeamRows,
    all_rows,
    draft_page,
    effect_page,
    grid_page,
    sheet_page,
)
from releve.desk.http import FORM_BYTES, download, failure, page_response, read_day, read_number, require_found, takes
from releve.desk.text import text_now, translate_error
from releve.errors import ReleveError
from releve.live import api as live
from releve.network import HOME, Operator, to_utc
from releve.network.table_words import name_value
from releve.network.workbook import WORKBOOK_TYPE
from releve.plan.result import CARRIED, read_agent
from releve.plan.roster_edits import DayEditor, EditRefused, RosterEdit
from releve.plan.roster_grid import GridFilter
from releve.registry.models import Upload
from releve.registry.uploads import discard_upload, find_upload, store_upload
from releve.runs.grid_days import MOST_DAYS, find_first_day, load_grid
from releve.runs.job_store import StillReading, TooManyJobs
from releve.runs.orders import open_readings
from releve.runs.plan_calendar import find_today
from releve.runs.roster_draft import (
    DatedEdit,
    DraftChanged,
    PlannerDraft,
    apply_draft,
    discard_draft,
    find_drift,
    find_record,
    keep_edits,
    load_draft,
    open_editor,
    publish_draft,
    redo_draft,
    undo_edit,
)
from releve.runs.roster_sheet import RESERVE, SheetReading, read_roster_sheet, write_roster_sheet
from releve.runs.upload_reader import read_log_upload

DAYS = (7, 14, 28)
_MOST_SHEET_BYTES = 8_000_000
_MOST_BESIDE = 60


@serve("reliefs.see")
def grid(request: HttpRequest) -> HttpResponse:
    """A part of the grid; ``part=`` of a browser that scrolls gives the rows of another part alone."""
    query, draft = _read_query(request), _draft(request)
    found = load_grid(query.first, query.count, draft)
    part = read_number(request.GET.get("part", "0"), 5)
    outdated, may_edit = bool(draft.edits and find_drift(draft)), can(request.user, "plan.publish")
    page = grid_page(found, query, draft, part or 0, find_today(), outdated=outdated, may_edit=may_edit)
    if part is None or part >= page.parts:
        raise Http404(_("This page is not there."))
    if request.headers.get("HX-Request") and request.GET.get("rows"):
        return page_response(request, "desk/grid/_rows.html", page)
    context = {"operator": found.operator, "may_edit": may_edit, "spans": DAYS}
    return page_response(request, "desk/grid/grid.html", page, context)


@serve("reliefs.see")
def print_grid(request: HttpRequest) -> HttpResponse:
    """The rows of the filter by team, for paper."""
    query, draft = _read_query(request), _draft(request)
    found = load_grid(query.first, query.count, draft)
    page = grid_page(found, query, draft, 0, find_today(), outdated=False, may_edit=False)
    rows = sorted(all_rows(found, query.wanted), key=lambda row: (row.site, row.team))
    teams = tuple(
        TeamRows(site=site, team=team, rows=tuple(members))
        for (site, team), members in groupby(rows, key=lambda row: (row.site, row.team))
    )
    return page_response(request, "desk/grid/print.html", RosterPrint(grid=page, teams=teams))


@serve("reliefs.see")
def sheet(request: HttpRequest) -> HttpResponse:
    """The rows of the filter as a workbook, to be edited and sent back."""
    query = _read_query(request)
    found = load_grid(query.first, query.count)
    data = write_roster_sheet(found, query.wanted, live.real_now(), _words())
    return download(data, f"grid-{query.first}-{query.count}.xlsx", WORKBOOK_TYPE)


def _words() -> dict[str, str]:
    """Return the words of a sheet's cells in the reader's language."""
    language = text_now("UTC").language
    kinds = ("absent", "leave", "training", "coaching", "meeting")
    return {HOME: _("home"), RESERVE: _("reserve")} | {
        kind: name_value("absences", "kind", kind, language) for kind in kinds
    }


@serve("plan.publish")
def edit(request: HttpRequest) -> HttpResponse:
    """A duty: what it is, what can be done with it, and the effect of what is asked for."""
    page = _duty_page(request, request.GET)
    template = "desk/grid/_edit.html" if request.headers.get("HX-Request") else "desk/grid/edit.html"
    return page_response(request, template, page, {"asked": request.GET})


@serve("plan.publish", ACT)
def keep(request: HttpRequest) -> HttpResponse:
    """Add an edit to the draft, where it breaks no rule."""
    draft, day = _draft(request), require_found(read_day(request.POST.get("day", "")), _("There is no such day."))
    _refuse_past(day)
    number = read_number(request.POST.get("draft", ""))
    try:
        editor, before = open_editor(draft, day), list(draft.of_day(day))
        made = _make_edit(editor, request.POST, before)
        if made is None:
            raise EditRefused(_("Choose what to change."))
        faults = editor.find_faults([*before, made], editor.apply([*before, made]))
        if faults:
            raise EditRefused(faults[0])
        kept = keep_edits(draft.owner, -1 if number is None else number, [DatedEdit(day, made)])
    except DraftChanged as error:
        return failure(request, 409, _("The edit was not kept."), translate_error(error))
    except (EditRefused, ReleveError) as error:
        return failure(request, 422, _("The edit was not kept."), translate_error(error))
    messages.success(request, _("Kept in your draft. Edits so far: {count}.").format(count=len(kept.edits)))
    return _back(request)


@serve("plan.publish")
def draft(request: HttpRequest) -> HttpResponse:
    """The reader's draft: its edits, what it changes day by day, and what changed meanwhile."""
    found = _draft(request)
    plans = [(open_editor(found, day).plan, apply_draft(found, day)) for day in found.days]
    page = draft_page(live.operator_now(), found, plans, find_drift(found))
    return page_response(request, "desk/grid/draft.html", page)


@serve("plan.publish", ACT)
def undo(request: HttpRequest) -> HttpResponse:
    """Take back the last edit."""
    return _act(request, undo_edit, _("The last edit is taken back."))


@serve("plan.publish", ACT)
def discard(request: HttpRequest) -> HttpResponse:
    """Drop the draft."""
    return _act(request, discard_draft, _("The draft is dropped."))


@serve("plan.publish", ACT)
def redo(request: HttpRequest) -> HttpResponse:
    """Make the edits again on the plans that came in force meanwhile."""
    number = read_number(request.POST.get("draft", "")) or 0
    try:
        made, dropped = redo_draft(actor_name(request), number)
    except ReleveError as error:
        return failure(request, 409, _("Nothing was changed."), translate_error(error))
    count = len(made.edits)
    said = ngettext(
        "Made again on the plans in force: {count} edit.", "Made again on the plans in force: {count} edits.", count
    ).format(count=count)
    messages.success(request, said)
    for one in dropped:
        names = text_now("UTC").list([read_agent(duty.key) for duty in one.edit.duties])
        lost = _("Left out, as it no longer fits: {agents}, {day}. Look at the new plan and make it again.")
        messages.warning(request, lost.format(agents=names, day=text_now("UTC").day(one.day)))
    return redirect("grid_draft")


@serve("plan.publish", ACT, recent=True)
def publish(request: HttpRequest) -> HttpResponse:
    """Put the days of the draft in force as it leaves them."""
    number = read_number(request.POST.get("draft", "")) or 0
    if any(one.edit.changes_roster for one in _draft(request).edits) and not can(request.user, "registry.edit"):
        return failure(
            request, 403, _("The draft was not put in force."), _("It changes times, and with them the roster.")
        )
    try:
        days = publish_draft(actor_name(request), number, request.POST.get("comment", "")[:200])
    except ReleveError as error:
        return failure(request, 409, _("The draft was not put in force."), translate_error(error))
    messages.success(request, _("The plan is in force."))
    return redirect(f"/calendar/?from={days[0]}")


@takes(_MOST_SHEET_BYTES + FORM_BYTES, lambda: _("This file is larger than 8 MB."))
@serve("plan.publish", ACT)
def read_sheet(request: HttpRequest) -> HttpResponse:
    """What a sheet changes, shown before anything is kept; the ``token`` of one that was shown keeps it."""
    by, found, sent = actor_name(request), _draft(request), request.FILES.get("file")
    token = request.POST.get("token", "")
    try:
        if token:
            upload = find_upload(token, by)
        elif sent is not None:
            upload = store_upload(sent.name or "", sent.read(), by, None)
        else:
            return failure(request, 422, _("Choose a file."))
        reading, effects = _read_sheet(upload, by, found)
        if token and not any(one.faults for one in effects):
            kept = keep_edits(by, read_number(request.POST.get("draft", "")) or 0, reading.edits)
            discard_upload(upload)
            said = _("Kept in your draft. Edits so far: {count}.").format(count=len(kept.edits))
            messages.success(request, said)
            return redirect("grid_draft")
    except (StillReading, TooManyJobs):
        raise
    except DraftChanged as error:
        return failure(request, 409, _("The edits were not kept."), translate_error(error))
    except ReleveError as error:
        return failure(request, 422, _("The sheet was not read."), translate_error(error))
    return page_response(request, "desk/grid/sheet.html", sheet_page(reading, effects, found, upload.token))


def _read_sheet(upload: Upload, by: str, draft: PlannerDraft) -> tuple[SheetReading, list[EffectPage]]:
    """Return what an uploaded sheet changes, and its effect by day."""
    log = read_log_upload(open_readings(), upload.name, bytes(upload.data), by)
    frame = log.whole_frame()
    rows = [["" if cell is None else str(cell) for cell in row] for row in frame.rows()]
    reading = read_roster_sheet(frame.columns, rows, draft, _words())
    seen = {one.day: find_record(one.day).record for one in reading.edits} | dict(draft.seen)
    merged = replace(draft, seen=seen, edits=(*draft.edits, *reading.edits))
    effects = []
    for day in sorted({one.day for one in reading.edits}):
        before, editor = draft.of_day(day), open_editor(merged, day)
        effects.append(effect_page(editor, editor.apply(before), merged.of_day(day), len(before)))
    return reading, effects


def _act(request: HttpRequest, act: object, said: str) -> HttpResponse:
    number = read_number(request.POST.get("draft", "")) or 0
    try:
        act(actor_name(request), number)  # type: ignore[operator]
    except ReleveError as error:
        return failure(request, 409, _("Nothing was changed."), translate_error(error))
    messages.success(request, said)
    return _back(request)


def _back(request: HttpRequest) -> HttpResponse:
    """Return to the grid as it was shown, or to the draft."""
    query = QueryDict(request.POST.get("back", "")[:500])
    if query.get("draft"):
        return redirect("grid_draft")
    return redirect(f"/grid/?{query.urlencode()}" if query else "grid")


def _draft(request: HttpRequest) -> PlannerDraft:
    name = actor_name(request) if can(request.user, "plan.publish") else ""
    return load_draft(name) if name else PlannerDraft("", seen={})


def _read_query(request: HttpRequest) -> GridQuery:
    asked = request.GET.get("from", "")
    first = require_found(read_day(asked), _("There is no such day.")) if asked else find_first_day()
    half = request.GET.get("scale") == "half"
    count = 1 if half else min(read_number(request.GET.get("days", "")) or 14, MOST_DAYS)
    wanted = GridFilter(
        **{name: request.GET.get(name, "")[:64].strip() for name in ("site", "team", "client", "skill")},
        text=request.GET.get("agent", "")[:64].strip(),
    )
    return GridQuery(first, count, half, wanted)


def _refuse_past(day: date) -> None:
    if day < find_today():
        raise Http404(_("This day is over."))


def _duty_page(request: HttpRequest, asked: QueryDict) -> DutyPage:
    found, day = _draft(request), require_found(read_day(asked.get("day", "")), _("There is no such day."))
    _refuse_past(day)
    key = asked.get("key", "")[:80]
    try:
        editor = open_editor(found, day)
        before = list(found.of_day(day))
        placed = editor.find(key, before)
    except ReleveError as error:
        raise Http404(translate_error(error)) from None
    agent = editor.operator.agent.get(read_agent(key))
    if agent is None:
        raise Http404(_("There is no such agent."))
    effect, refused = None, ""
    try:
        made = _make_edit(editor, asked, before)
        if made is not None:
            effect = effect_page(editor, editor.apply(before), [*before, made], len(before))
    except (EditRefused, ValueError) as error:
        refused = translate_error(error)
    duty = DutyRow.of(editor, key, placed, before)
    return DutyPage(
        day=day,
        duty=duty,
        crosses=key.endswith(f"|{CARRIED}"),
        sites=tuple(row.id for row in editor.operator.sites),
        programmes=tuple(agent.skills),
        beside=_list_beside(editor, key),
        draft=found.number,
        effect=effect,
        refused=refused,
    )


def _list_beside(editor: DayEditor, key: str) -> tuple[str, ...]:
    """Return the duties of the day to swap with first: those of the same team, else of the same site."""
    own = editor.operator.agent[read_agent(key)]
    rows = sorted((*editor.base, *editor.plan.reserve))

    def near(other: str) -> bool:
        agent = editor.operator.agent.get(read_agent(other))
        if agent is None or other == key or other.endswith(f"|{CARRIED}"):
            return False
        return agent.team == own.team if own.team else agent.home_site == own.home_site

    return tuple(filter(near, rows))[:_MOST_BESIDE]


def _make_edit(editor: DayEditor, asked: QueryDict, before: Sequence[RosterEdit]) -> RosterEdit | None:
    """Return the edit that is asked for; None where none is. EditRefused says why it cannot be."""
    key, act = asked.get("key", "")[:80], asked.get("act", "")
    if act == "place":
        place = asked.get("place", "")
        return editor.set_post(key, "" if place == RESERVE else place, asked.get("programme", ""), before)
    if act == "swap":
        return editor.swap(key, asked.get("with", "").strip()[:80], before)
    if act == "times":
        return editor.set_times(key, _read_periods(editor.operator, asked, editor.plan.day, read_agent(key)), before)
    return None


def _read_periods(operator: Operator, asked: QueryDict, day: date, agent: str) -> list[tuple[datetime, datetime]]:
    """Return the periods of a form, on the clock of the home site; an end before its start is on the next day."""
    local = operator.site[operator.agent[agent].home_site].time_zone
    found = []
    for start_name, end_name in (("start", "end"), ("start2", "end2")):
        texts = asked.get(start_name, ""), asked.get(end_name, "")
        if not any(texts):
            continue
        try:
            start, end = (datetime.combine(day, time.fromisoformat(text)) for text in texts)
        except ValueError:
            raise EditRefused(_("Write times like 08:00.")) from None
        found.append((to_utc(start, local), to_utc(end + timedelta(days=end <= start), local)))
    return found


urlpatterns = [
    path("", grid, name="grid"),
    path("print", print_grid, name="grid_print"),
    path("sheet", sheet, name="grid_sheet"),
    path("sheet/read", read_sheet, name="grid_read"),
    path("edit", edit, name="grid_edit"),
    path("keep", keep, name="grid_keep"),
    path("draft", draft, name="grid_draft"),
    path("draft/undo", undo, name="grid_undo"),
    path("draft/discard", discard, name="grid_discard"),
    path("draft/redo", redo, name="grid_redo"),
    path("draft/publish", publish, name="grid_publish"),
]
