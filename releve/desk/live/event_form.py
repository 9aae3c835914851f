"""The base of the forms that record an event: built of their fields, recorded once, or why not."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from itertools import chain
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from django.utils.translation import gettext as _

from releve.accounts.two_people import build_approval_check
from releve.desk.database_errors import unrecorded
from releve.desk.forms import KeyedForm
from releve.desk.live.words import refusal_text
from releve.desk.text import text_now
from releve.live import api as live
from releve.network.clock import to_utc
from releve.situation import Event, EventRefusal, Situation, list_fields

if TYPE_CHECKING:
    from releve.accounts.scopes import AnyUser

_T = TypeVar("_T")


class EventForm(KeyedForm):
    """A form that records an event of the kind ``records``, whose fields have the same names.

    ``aliases`` are the fields that are called otherwise in the event; ``clocks_of`` is the site by
    whose clocks refusals are written, empty: the operator's.
    """

    records: type[Event]
    aliases: ClassVar[Mapping[str, str]] = {}
    clocks_of = ""
    failed = 422

    @property
    def http_status(self) -> int:
        """The status of a page with this form: 200, or why nothing was recorded."""
        return self.failed if self.errors else 200

    def build_event(self, *, site: str = "", **given: Any) -> Event:
        """Return the event that a valid form says; what is ``given`` replaces its own fields.

        Times of the form are those of the clocks of ``site``.
        """
        named = {row.name for row in list_fields(self.records)}
        said = {name: value for name, value in self.cleaned_data.items() if name in named}
        times = {
            name: read_clocks(value, site)
            for name, value in said.items()
            if isinstance(value, datetime)
        }
        place = {"site": site} if "site" in named else {}
        return self.records(**{**said, **times, **place, **given})

    def record(self, event: Event, stream: str, user: AnyUser) -> live.RecordResult | None:
        """Record an event once; None where it is not recorded, and the form says why."""
        judge = build_record_check(user, event, stream)
        return self.attempt(
            lambda: live.record(event, key=self.key_text, stream=stream, judge=judge)
        )

    def attempt(self, act: Callable[[], _T]) -> _T | None:
        """Return what ``act`` recorded; None where it did not, and the form says why."""
        try:
            return act()
        except live.Refused as error:
            self.refuse(error.reasons)
        except live.Busy as error:
            self.failed = 503
            self.add_error(None, unrecorded(error))
        except live.KeyReused:
            self.failed = 409
            self.add_error(None, _("This form recorded something else before; open it again."))
        return None

    def refuse(self, reasons: Iterable[EventRefusal]) -> None:
        """Put each refusal by the field it is of; the others above the form."""
        operator = live.operator_now()
        text = text_now(operator.row.time_zone)
        if self.clocks_of:
            text = text.at_site(operator.site[self.clocks_of].time_zone)
        for reason in reasons:
            field = self.aliases.get(reason.field, reason.field)
            sentence = refusal_text(reason, operator, text)
            self.add_error(field if field in self.fields else None, sentence)


def build_record_check(
    user: AnyUser, event: Event, stream: str
) -> Callable[[Situation], Iterable[EventRefusal]]:
    """Return what refuses an event beyond its own checks: one person as two, a reach, a draw."""
    checks = (
        build_approval_check(event),
        live.build_draw_check(event, stream),
        live.build_reach_check(user, event, stream, live.operator_now()),
    )
    return lambda situation: chain.from_iterable(check(situation) for check in checks)


def read_clocks(local: datetime, site: str) -> datetime:
    """Return the instant of a time on the clocks of a site; on the operator's where it is none."""
    operator = live.operator_now()
    found = operator.site.get(site)
    name = operator.row.time_zone if found is None else found.time_zone
    return to_utc(local.replace(tzinfo=None), name)
