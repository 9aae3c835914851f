"""The certificate of a run: what was run, and how anybody runs it again to the same figures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext as _

from releve.desk.crashtest.words import case_word
from releve.desk.text import Text
from releve.runs.crash_test_job import CrashTestJob

__all__ = ["CertificatePage", "certificate_page"]


@dataclass(frozen=True, slots=True)
class CertificatePage:
    """Settings, digests and the command."""

    name: str
    back_url: str
    file_url: str
    settings: tuple[tuple[str, str], ...]
    digests: tuple[tuple[str, str], ...]
    command: str
    version: int


def certificate_page(run: CrashTestJob, tree: Mapping[str, Any], text: Text) -> CertificatePage:
    """Return the page of a certificate."""
    held = tree["settings"]
    compare = " --compare OTHER-PLAN" if run.order.beside else ""
    digests = [(_("operator folder"), tree["inputs"]["operator"])]
    digests += [
        (_("plan: {case}").format(case=case_word(c["label"])), c["plan"]) for c in tree["cases"]
    ]
    digests += [
        (_("result: {case}").format(case=case_word(label)), key)
        for label, key in tree["results"].items()
    ]
    outages = "" if run.order.hazards else " --no-hazards"
    rules = " --rules RULES" if "rules" in tree["inputs"] else ""
    return CertificatePage(
        name=run.order.name,
        back_url=reverse("crashtest_run", args=[run.id]),
        file_url=reverse("crashtest_certificate_file", args=[run.id]),
        settings=(
            (_("Operator"), tree["operator"]),
            (_("Relève"), tree["version"]),
            (_("Quarters"), text.number(held["quarters"])),
            (_("Days of a quarter"), text.number(held["days"])),
            (_("Seed"), str(held["seed"])),
            (_("Policies"), text.list([case_word(name) for name in tree["policies"]])),
            (_("The closure rule"), text.list(tree.get("closure_rules", ()))),
            (_("Outages"), text.number(len(tree["hazards"])) if tree["hazards"] else _("none")),
            (_("Infections at work by one agent"), text.plain(tree["reproduction"])),
            (_("Infections outside per agent and day"), text.plain(tree["outside"])),
            (_("Half hours until a loss is answered"), text.number(held["reaction_intervals"])),
        ),
        digests=tuple(digests),
        command=f"releve crashtest OPERATOR --plan PLAN{compare}{outages}{rules}"
        " --rerun certificate.json",
        version=run.order.version,
    )
