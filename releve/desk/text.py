"""Numbers, money, times and dates as a reader of French or English expects them.

French: comma, narrow no-break space between thousands and before ``%`` and ``;:!?``, ``10 h 30`` in
a sentence. English: point, comma between thousands. Clocks have 24 hours in both.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from itertools import groupby

from django.utils.dates import MONTHS, WEEKDAYS
from django.utils.translation import get_language, gettext, override
from django.utils.translation import gettext as _

from releve.errors import NumberPhrase, Phrase
from releve.network import Opening
from releve.network.moments import city, zone
from releve.plan.coverage import round_coverage

NARROW = "\u202f"
"""Narrow no-break space, the French *espace fine insécable*."""
NO_BREAK = "\u00a0"


@dataclass(frozen=True, slots=True)
class Text:
    """Writes values in one language (``fr`` or ``en``) and one time zone.

    ``home_zone`` is the operator's where ``time_zone`` is a site's: times that differ between the
    two carry the name of the site's zone.
    """

    language: str
    time_zone: str
    home_zone: str = ""

    def at_site(self, time_zone: str) -> Text:
        """Return the writer for times of a site."""
        return replace(self, time_zone=time_zone, home_zone=self.home_zone or self.time_zone)

    def _name_zone(self, time: datetime) -> str:
        """Return the zone's name in brackets where its clocks differ from the operator's."""
        if not self.home_zone:
            return ""
        here, home = (time.astimezone(zone(name)) for name in (self.time_zone, self.home_zone))
        return "" if here.utcoffset() == home.utcoffset() else f" ({city(self.time_zone)})"

    def beside(self, at: datetime, time_zone: str) -> str:
        """Return the time of a site in brackets, named, to stand beside a time; empty where its clocks agree."""
        if not self.at_site(time_zone)._name_zone(at):
            return ""
        there, day = replace(self, time_zone=time_zone), at.astimezone(zone(self.time_zone)).date()
        same = at.astimezone(zone(time_zone)).date() == day
        said = there.time(at) if same else there.moment(at)
        return " " + _("({time} in {city})").format(time=said, city=city(time_zone))

    @property
    def french(self) -> bool:
        return self.language == "fr"

    def own(self, row: object, name: str = "text") -> str:
        """Return a text that a row holds in both languages, as ``text`` and ``text_fr``."""
        return str(getattr(row, f"{name}_fr" if self.french else name))

    def number(self, value: float, digits: int = 0) -> str:
        """Return a rounded number; ``?`` when it is not known."""
        if math.isnan(value):
            return "?"
        written = NumberPhrase(abs(value), digits)
        sign = "\u2212" if value < 0 and float(written.replace(",", "")) != 0 else ""
        return sign + written.translate_with(gettext, self.language)

    def plain(self, value: float) -> str:
        """Return a number with the digits it has, up to six."""
        written = f"{value:g}"
        return written.replace(".", ",") if self.french else written

    def percent(self, share: float, digits: int = 0) -> str:
        """Return a share as a rounded percentage."""
        return self.number(100 * share, digits) + (f"{NARROW}%" if self.french else "%")

    def coverage(self, share: float, digits: int = 0) -> str:
        """Return a coverage, rounded as everywhere: 99.9 % is never shown as 100 %."""
        if math.isnan(share):
            return "?"
        return self.percent(round_coverage(share, digits) / 100, digits)

    def missing(self, share: float, digits: int = 1) -> str:
        """Return a share that is missing; a little is shown as ``< 0.1 %``, never as none."""
        if share == 0:
            return self.percent(0)
        least = 10.0**-digits / 100
        if 0 < share < least / 2:
            return f"<{NO_BREAK}{self.percent(least, digits)}"
        return self.percent(share, digits)

    def euros(self, value: float) -> str:
        """Return an amount in whole euros."""
        written = self.number(value)
        return f"{written}{NO_BREAK}€" if self.french else f"€{written}"

    def seconds(self, value: float) -> str:
        """Return a duration in seconds, with the digits that matter."""
        return f"{self.number(value, 2 if value < 10 else 1)}{NO_BREAK}s"

    def clock(self, time: datetime) -> str:
        """Return a time of day for a table: ``10:30``."""
        return f"{time.astimezone(zone(self.time_zone)):%H:%M}{self._name_zone(time)}"

    def time(self, time: datetime) -> str:
        """Return a time of day for a sentence: ``10 h 30`` in French, ``10:30`` in English."""
        local = time.astimezone(zone(self.time_zone))
        return self._minute(60 * local.hour + local.minute) + self._name_zone(time)

    def moment(self, at: datetime) -> str:
        """Return an instant for a list: ``24 novembre 2026 à 14 h 30``."""
        day = self.day(at.astimezone(zone(self.time_zone)).date(), weekday=False)
        return _("{day} at {time}").format(day=day, time=self.time(at))

    def near(self, at: datetime, now: datetime) -> str:
        """Return an instant as it is said at another: ``15 h 30``, ``demain à 8 h``; far from it with its day."""
        day, today = (time.astimezone(zone(self.time_zone)).date() for time in (at, now))
        if day == today:
            return self.time(at)
        names = {1: gettext("tomorrow"), -1: gettext("yesterday")}
        return _("{day} at {time}").format(day=names.get((day - today).days) or self.day(day), time=self.time(at))

    def near_span(self, start: datetime, end: datetime, now: datetime) -> str:
        """Return two instants of a day as they are said at another: ``de 9 h à 10 h``, ``demain de 9 h à 10 h``."""
        day, today = (time.astimezone(zone(self.time_zone)).date() for time in (start, now))
        span = _("from {start} to {end}").format(start=self.time(start), end=self.time(end))
        if day == today:
            return span
        return f"{gettext('tomorrow') if (day - today).days == 1 else self.day(day)} {span}"

    def hour(self, hour: int) -> str:
        """Return a full hour for an axis: ``10 h`` or ``10:00``."""
        return self._minute(60 * hour)

    def span(self, start: datetime, end: datetime) -> str:
        """Return two times of day of a table."""
        return f"{start.astimezone(zone(self.time_zone)):%H:%M}–{self.clock(end)}"

    def opening_hours(self, opening: Opening) -> str:
        """Return opening hours: ``lun.–ven. 8 h–20 h ; sam. 9 h–13 h`` or ``Mon–Fri 08:00–20:00``.

        Weekdays in a row that open alike stand together.
        """
        parts = []
        for ranges, days in groupby(range(7), opening.days.__getitem__):
            held = [self.weekday(day) for day in days]
            hours = [f"{self._minute(start)}–{self._minute(end)}" for start, end in ranges]
            if hours:
                parts.append(f"{'–'.join(held[:: max(1, len(held) - 1)])} {', '.join(hours)}")
        return (f"{NARROW}; " if self.french else "; ").join(parts)

    def weekday(self, weekday: int) -> str:
        """Return a day of the week, shortened: ``lun.``."""
        with override(self.language):
            return str(WEEKDAYS[weekday])[:3] + "." * self.french

    def _minute(self, minute: int) -> str:
        hour, rest = divmod(minute, 60)
        if not self.french:
            return f"{hour:02d}:{rest:02d}"
        return f"{hour}{NO_BREAK}h" + (f"{NO_BREAK}{rest:02d}" if rest else "")

    def day(self, day: date, *, weekday: bool = True) -> str:
        """Return a date in words: ``lundi 30 novembre 2026``, ``mardi 1er décembre 2026``."""
        with override(self.language):
            name, month = str(WEEKDAYS[day.weekday()]), str(MONTHS[day.month])
        number = "1er" if self.french and day.day == 1 else str(day.day)
        words = (name,) * weekday + (number, month, str(day.year))
        return " ".join(words)

    def short_day(self, day: date) -> str:
        """Return a date for a tab: ``lun. 30`` or ``Mon 30``."""
        return f"{self.weekday(day.weekday())}{NO_BREAK}{day.day}"

    def list(self, items: Sequence[str]) -> str:
        """Return items as an enumeration: ``a, b and c``."""
        if len(items) < 2:
            return "".join(items)
        return _("{items} and {last}").format(items=", ".join(items[:-1]), last=items[-1])

    def either(self, items: Sequence[str]) -> str:
        """Return items as a choice: ``a, b or c``."""
        if len(items) < 2:
            return "".join(items)
        return _("{items} or {last}").format(items=", ".join(items[:-1]), last=items[-1])


def text_now(time_zone: str) -> Text:
    """Return the writer for the language of this request."""
    language = (get_language() or "fr").split("-")[0]
    return Text("fr" if language == "fr" else "en", time_zone)


def translate_phrase(text: str) -> str:
    """Return a text of an engine in the reader's language; one without a template as it is."""
    if not isinstance(text, Phrase):
        return text
    return text.translate_with(gettext, (get_language() or "fr")[:2])


def translate_error(error: Exception) -> str:
    """Return what an error says, in the reader's language where it was raised with a phrase."""
    return translate_phrase(error.args[0] if error.args else str(error))


def left(at: datetime, until: datetime) -> str:
    """Return the time from one instant to a later one: ``47 h 59 min``; empty once it is past."""
    return format_duration(math.ceil((until - at).total_seconds() / 60))


def format_duration(minutes: int) -> str:
    """Return hours and minutes: ``47 h 59 min``; empty for none."""
    if minutes <= 0:
        return ""
    return f"{minutes // 60}{NO_BREAK}h{NO_BREAK}{minutes % 60:02d}{NO_BREAK}min"
