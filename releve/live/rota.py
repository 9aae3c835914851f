"""The on-call rota: who leads when something happens outside office hours, and who is the deputy.

Its rows are typed on the desk, or pasted there as a table: CSV with the columns ``lead`` and ``deputy`` (accounts),
``site`` (empty or ``*``: every site), and either ``week`` (``2026-W49``, Monday to Monday) or ``from`` and ``until``
(``2026-12-01 21:00``), by the operator's clocks. A row of one site goes before one of every site. Without any row no
person is alerted, and messages go out as they are written.
"""

from __future__ import annotations

import csv
import hashlib
import io
import os
import re
import secrets
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from django.db import transaction

from releve import environment
from releve.ledger import chain as ledger
from releve.ledger.models import AccountName
from releve.live.clock import LIVE, real_now
from releve.live.effect_queue import append_entries
from releve.live.errors import ContactFaults, NoSuch
from releve.live.models import CalendarLink, Contact, OnCall
from releve.live.plans import operator_now
from releve.network import Operator, to_utc, zone
from releve.network.opening_hours import Opening, parse_opening

OFFICE_HOURS = "Mon-Sat 07:00-21:00"
"""When a lead is at work in a contact centre of the sector; a Sunday's team works without."""
_WEEK = re.compile(r"(\d{4})-?[WS](\d{1,2})", re.IGNORECASE)
_HOUR = timedelta(hours=1)
_LONGEST = timedelta(days=366)


def read_office_hours_text() -> str:
    """Return when the leads are at work, as it is set: ``RELEVE_OFFICE_HOURS``."""
    return environment.read_text(os.environ, "RELEVE_OFFICE_HOURS") or OFFICE_HOURS


def read_office_hours() -> Opening:
    """Return when the leads are at work, by the operator's clocks; ValueError where the setting makes no sense."""
    return parse_opening(read_office_hours_text())


def is_office_hour(at: datetime, operator: Operator) -> bool:
    """Return whether a lead is at work; a setting that makes no sense, which doctor names, stops no record: the
    default counts."""
    local = at.astimezone(zone(operator.row.time_zone))
    try:
        opening = read_office_hours()
    except ValueError:
        opening = parse_opening(OFFICE_HOURS)
    return opening.is_open(local.weekday(), local.hour * 60 + local.minute)


def find_duty(at: datetime, site: str = "", rows: Iterable[OnCall] | None = None) -> OnCall | None:
    """Return who is on call at an instant for a site, or for what is of no site; of two rows, that of the site, and
    of these the one that begins later. ``rows``: those of the rota, where they are at hand."""
    found = OnCall.objects.filter(start__lte=at, end__gt=at) if rows is None else rows
    running = [row for row in found if row.start <= at < row.end and row.site in ("", site)]
    return max(running, key=lambda row: (row.site != "", row.start, row.pk), default=None)


def list_duties(since: datetime) -> list[OnCall]:
    """Return the rows of the rota that are not over at an instant, in their order."""
    return list(OnCall.objects.filter(end__gt=since))


def list_accounts() -> set[str]:
    """Return the names of the accounts, which alone can be on call: the ledger hides these."""
    return set(AccountName.objects.values_list("name", flat=True))


@dataclass(frozen=True, slots=True)
class OnCallRow:
    """A row as it was written: local times of the operator, names of accounts."""

    start: datetime
    end: datetime
    site: str
    lead: str
    deputy: str


def add_duty(row: OnCallRow, *, by: str) -> None:
    """Add a row to the rota; :class:`ContactFaults` says what is wrong with it."""
    operator = operator_now()
    if fault := _find_fault(row, operator, list_accounts()):
        raise ContactFaults((fault,))
    with transaction.atomic():
        ledger.lock_head()
        _build_duty(row, operator).save()
        _note_change(by)


def remove_duty(pk: int, *, by: str) -> None:
    """Remove a row of the rota; :class:`NoSuch` where there is none."""
    with transaction.atomic():
        ledger.lock_head()
        if not OnCall.objects.filter(pk=pk).delete()[0]:
            raise NoSuch("there is no such row of the rota")
        _note_change(by)


def import_rota(text: str, *, by: str) -> int:
    """Replace what is ahead in the rota by the rows of a table; return how many there are.

    :class:`ContactFaults` names every fault by its line; then nothing is changed.
    """
    operator, faults = operator_now(), list[str]()
    rows = list(_parse_rows(text, operator, list_accounts(), faults))
    if not rows and not faults:
        faults.append("the table has no row")
    if faults:
        raise ContactFaults(tuple(faults))
    with transaction.atomic():
        ledger.lock_head()
        OnCall.objects.filter(end__gt=real_now()).delete()
        OnCall.objects.bulk_create(_build_duty(row, operator) for row in rows)
        _note_change(by)
    return len(rows)


def _note_change(by: str) -> None:
    count = OnCall.objects.filter(end__gt=real_now()).count()
    append_entries(LIVE, [("rota.changed", {"count": count, "by": by})])


def _build_duty(row: OnCallRow, operator: Operator) -> OnCall:
    start, end = (to_utc(at, operator.row.time_zone) for at in (row.start, row.end))
    return OnCall(site=row.site, start=start, end=end, led_by=row.lead, deputised_by=row.deputy)


def _parse_rows(text: str, operator: Operator, accounts: Collection[str], faults: list[str]) -> Iterator[OnCallRow]:
    first = text.partition("\n")[0]
    mark = next((one for one in "\t;" if one in first), ",")
    reader = csv.DictReader(io.StringIO(text.strip()), delimiter=mark, skipinitialspace=True)
    names = {(name or "").strip().lower() for name in reader.fieldnames or ()}
    if "lead" not in names or not ("week" in names or {"from", "until"} <= names):
        faults.append("the first line must name the columns lead, deputy, site, and week or from and until")
        return
    for line in reader:
        cells = {(name or "").strip().lower(): (value or "").strip() for name, value in line.items() if name}
        try:
            row = _read_row(cells)
        except ValueError as error:
            faults.append(f"line {reader.line_num}: {error}")
            continue
        if fault := _find_fault(row, operator, accounts):
            faults.append(f"line {reader.line_num}: {fault}")
        else:
            yield row


def _read_row(cells: dict[str, str]) -> OnCallRow:
    site = cells.get("site", "").removeprefix("*")
    if week := cells.get("week", ""):
        start = read_week(week)
        end = start + timedelta(days=7)
    else:
        start, end = (_read_time(cells.get(name, "")) for name in ("from", "until"))
    return OnCallRow(start, end, site, cells["lead"], cells.get("deputy", ""))


def read_week(text: str) -> datetime:
    """Return the Monday on which a week like 2026-W49 begins; ValueError."""
    match = _WEEK.fullmatch(text)
    if match is None:
        raise ValueError(f"week {text!r} is not like 2026-W49")
    return datetime.combine(date.fromisocalendar(int(match[1]), int(match[2]), 1), time())


def _read_time(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text).replace(tzinfo=None)
    except ValueError:
        raise ValueError(f"{text!r} is not a time like 2026-12-01 21:00") from None


def _find_fault(row: OnCallRow, operator: Operator, accounts: Collection[str]) -> str:
    """Return what is wrong with a row; empty where nothing is."""
    if row.site and row.site not in operator.site:
        return f"there is no site {row.site!r}"
    if row.end <= row.start:
        return "the end is not after the start"
    if row.end - row.start > _LONGEST:
        return "a row is of a year at most"
    for name in filter(None, (row.lead, row.deputy)):
        if name not in accounts:
            return f"there is no account {name!r}"
    if not row.lead:
        return "lead must name an account"
    return "the deputy must be another person" if row.lead == row.deputy else ""


def list_gaps(operator: Operator, at: datetime, weeks: int = 4) -> list[date]:
    """Return the Mondays of the weeks ahead in which, outside office hours, a site has no person on call.

    Empty where there is no rota at all: nothing is said of an operator that works without one.
    """
    rows = list(OnCall.objects.filter(end__gt=at))
    if not rows and not OnCall.objects.exists():
        return []
    sites = [row.id for row in operator.sites]
    found = set()
    for hour in range(weeks * 7 * 24):
        instant = at + hour * _HOUR
        if not is_office_hour(instant, operator) and any(find_duty(instant, site, rows) is None for site in sites):
            day = instant.astimezone(zone(operator.row.time_zone)).date()
            found.add(day - timedelta(days=day.weekday()))
    return sorted(found)


def list_without_address(at: datetime) -> list[str]:
    """Return the people on call, now or ahead, whom no message reaches."""
    known = set(Contact.objects.filter(role="lead").values_list("who", flat=True))
    named = {name for row in list_duties(at) for name in (row.led_by, row.deputised_by) if name}
    return sorted(named - known)


def make_calendar_link(account: str) -> str:
    """Return the secret of an account's new link to the rota; the one before opens nothing any more."""
    secret = secrets.token_urlsafe(32)
    values = {"digest": digest_secret(secret), "made_at": real_now()}
    with transaction.atomic():
        ledger.lock_head()
        CalendarLink.objects.update_or_create(account=account, defaults=values)
        append_entries(LIVE, [("rota.link_made", {"by": account})])
    return secret


def end_calendar_link(account: str) -> None:
    """End an account's link to the rota, if it has one."""
    with transaction.atomic():
        ledger.lock_head()
        if CalendarLink.objects.filter(account=account).delete()[0]:
            append_entries(LIVE, [("rota.link_ended", {"by": account})])


def has_calendar_link(account: str) -> bool:
    return CalendarLink.objects.filter(account=account).exists()


def find_link_account(secret: str) -> str:
    """Return the account whose link to the rota a secret opens; empty: none."""
    found = CalendarLink.objects.filter(digest=digest_secret(secret)).values_list("account", flat=True)
    return found.first() or ""


def digest_secret(secret: str) -> str:
    """Return what is stored of the secret of a link."""
    return hashlib.sha256(secret.encode()).hexdigest()


def build_calendar(rows: Sequence[OnCall], operator: Operator) -> bytes:
    """Return rows of the rota as iCalendar."""
    from icalendar import Calendar, Event  # 50 ms that only this needs

    calendar = Calendar()
    calendar.add("prodid", "-//Releve//on call//")
    calendar.add("version", "2.0")
    for row in rows:
        event = Event()
        event.add("uid", f"duty-{row.pk}@releve")
        event.add("dtstamp", real_now())
        event.add("dtstart", row.start)
        event.add("dtend", row.end)
        place = f" ({operator.site[row.site].name})" if row.site in operator.site else ""
        deputy = f" / {row.deputised_by}" if row.deputised_by else ""
        event.add("summary", f"Astreinte / on call{place}: {row.led_by}{deputy}")
        calendar.add_component(event)
    return bytes(calendar.to_ical())
