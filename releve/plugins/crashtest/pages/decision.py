"""The page of a crash test for the person who decides: sentences, two pictures, and why each client misses."""

from __future__ import annotations

from collections.abc import Sequence

from django.template import Library
from django.utils.translation import gettext as _

from releve.desk.chart import Bar, Shape
from releve.desk.page import PageModel
from releve.desk.text import text_now
from releve.plugins.crashtest.decision import ANSWERED, IN_TIME, CalmTarget, Choice, estimate_lost_calls
from releve.plugins.crashtest.engine.outbreak import Estimate
from releve.plugins.crashtest.engine.result import CauseLoss, ClientResult, CrashResult, list_cause_losses
from releve.plugins.crashtest.pages import svg
from releve.plugins.crashtest.pages.page import CrashTestHead, case_word, cause_word

register = Library()
_CAUSES = 5
"""Causes that are drawn."""


class DecisionPage(PageModel):
    """A finished run: what each policy is worth beside the first, and the clients with why they miss.

    ``calm`` is None where an earlier version ran it, which did not look why calm quarters miss.
    """

    run: CrashTestHead
    results: tuple[CrashResult, ...]
    choices: tuple[Choice, ...]
    calm: tuple[CalmTarget, ...] | None

    @property
    def first(self) -> CrashResult:
        """The policy that the others stand beside."""
        return self.results[0]

    @property
    def best(self) -> Choice | None:
        """The policy that is shown to cost less than the first; None where none is."""
        return next((one for one in self.choices if one.verdict == "better"), None)

    @property
    def losses(self) -> list[tuple[str, Estimate]]:
        """Calls lost a quarter by policy, as they were asked for."""
        return [(one.label, estimate_lost_calls(one)) for one in self.results]

    @property
    def causes(self) -> list[CauseLoss]:
        """The causes that cost most calls."""
        return [row for row in list_cause_losses(self.first) if row.lost.value > 0][:_CAUSES]

    @property
    def clients(self) -> list[tuple[ClientResult, CalmTarget | None, CauseLoss | None]]:
        """Each client, the worst served first: the calm target it misses most, and its costliest cause."""
        calm = {one.client: one for one in self.calm or ()}
        found = []
        for row in sorted(self.first.clients, key=lambda one: -one.breaks_target.value):
            causes = [one for one in list_cause_losses(self.first) if one.by_client.get(row.client, 0.0) > 0]
            worst = max(causes, key=lambda one: one.by_client[row.client], default=None)
            found.append((row, calm.get(row.client), worst))
        return found


@register.filter
def policy_bars(rows: Sequence[tuple[str, Estimate]]) -> list[tuple[str, Estimate, Bar, Shape]]:
    """Draw the calls that each policy loses, and the interval."""
    top = max((one.high for _label, one in rows), default=0.0)
    return [(case_word(label), one, *svg.range_bar(one, top)) for label, one in rows]


@register.filter
def calm_reason(one: CalmTarget) -> str:
    """Return why calm quarters miss a target, by the plan's own figures."""
    text = text_now("UTC")
    due, mean, low, high, missed = (
        text.percent(value, 1) for value in (one.target, one.mean, one.low, one.high, one.missed)
    )
    if one.what == ANSWERED:
        asked = _("{programme} owes {due} of its calls answered").format(programme=one.programme, due=due)
    elif one.what == IN_TIME:
        asked = _("{programme} owes {due} of its calls in time").format(programme=one.programme, due=due)
    else:
        asked = _("{programme} owes {due} of its contacts or items").format(programme=one.programme, due=due)
    average = text.percent(one.average_day, 1)
    if one.by_plan:
        why = _("the plan reaches {average} on days of average volume: it lacks people before any disaster").format(
            average=average
        )
    else:
        why = _(
            "the plan reaches {average} on days of average volume; but days are busier or quieter by "
            "{busyness}, and a busy day loses more than a quiet one gives back"
        ).format(average=average, busyness=text.percent(one.busyness))
    return _(
        "{asked}; {why}. A calm quarter reaches {mean} (nine in ten: {low}–{high}), and {missed} of them miss."
    ).format(asked=asked, why=why, mean=mean, low=low, high=high, missed=missed)


@register.filter
def cause_reason(one: CauseLoss) -> str:
    """Return the cause that costs a client most."""
    return cause_word(one.cause, one.name)
