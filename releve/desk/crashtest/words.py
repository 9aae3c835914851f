"""Policies and causes in words."""

from __future__ import annotations

from collections.abc import Sequence

from django.template import Library
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy

register = Library()

POLICY_WORDS = {
    "as-given": lazy("the closure rule, with tests of people with symptoms"),
    "no-rule": lazy("no closure rule"),
    "no-tests": lazy("the closure rule without tests of people with symptoms"),
    "longer": lazy("closures twice as long"),
    "tests": lazy("nine in ten people with symptoms are tested"),
    "masks": lazy("masks that stop 30% of attempts"),
    "air": lazy("three more air changes an hour"),
    "telework": lazy("half of the home-ready at home"),
    "visits": lazy("a brigade every week that tests 20"),
}
"""The policies of the engine in the reader's language."""

_CAUSES = {
    "illness": lazy("Agents away, ill or in quarantine"),
    "outbreak": lazy("The outbreak: agents away, and sites that the rule closes for it"),
    "closure": lazy("Sites closed by the rule"),
    "rule": lazy("The closure rule"),
    "earthquake": lazy("Earthquake"),
    "power": lazy("Power cut that outlasts the generator"),
    "fibre": lazy("Cut of both links of a site"),
    "carrier": lazy("Outage of a carrier of home lines"),
    "country_cut": lazy("Internet down in the country, by accident"),
    "country_order": lazy("Internet shut down by the government"),
    "strike": lazy("Strike, or no transport"),
    "heat": lazy("Heat wave that stops the cooling"),
    "flood": lazy("Flood"),
    "cyclone": lazy("Cyclone"),
    "authority": lazy("Closure of a site by an authority"),
}


def cause_word(cause: str, name: str = "") -> str:
    """Return a cause in words; a hazard of the operator's own by its name."""
    return str(_CAUSES.get(cause, name or cause))


def case_word(label: str) -> str:
    """Return a case in words: its policy, and the other plan where it has one."""
    policy, _comma, plan = label.partition(", plan ")
    words = str(POLICY_WORDS.get(policy, policy))
    return _("{policy}, with the other plan").format(policy=words) if plan else words


@register.filter
def case_words(labels: Sequence[str]) -> list[str]:
    """Return cases in words."""
    return [case_word(label) for label in labels]


@register.filter
def plan_digest(label: str) -> str:
    """Return whose plan a digest is of."""
    return _("plan: {case}").format(case=case_word(label))


@register.filter
def result_digest(label: str) -> str:
    """Return whose result a digest is of."""
    return _("result: {case}").format(case=case_word(label))
