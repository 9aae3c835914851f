"""The form by which a planner states relief spare and wanted, by destination."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy

from releve.association.figures import STATED
from releve.desk.forms import PlainForm, build_count_field

_LABELS = {
    "relief_spare": lazy("Agents that could help others, {destination}"),
    "relief_wanted": lazy("Agents asked of others, {destination}"),
}
_MOST = 100_000


class StatedReliefForm(PlainForm):
    """Two numbers for each destination of the operator; an empty one is not reported."""

    def __init__(
        self,
        data: Any = None,
        *,
        destinations: Iterable[str],
        stated: Mapping[str, Mapping[str, int]],
    ) -> None:
        super().__init__(data)
        self.destinations = sorted(set(destinations))
        for measure in STATED:
            for where in self.destinations:
                self.fields[f"{measure}-{where}"] = build_count_field(
                    str(_LABELS[measure]).format(destination=where),
                    _MOST,
                    help_text=_("Empty: not reported."),
                    initial=stated.get(measure, {}).get(where),
                )

    @property
    def stated(self) -> dict[str, dict[str, int]]:
        """The numbers that were stated, by measure and destination."""
        return {
            measure: {
                where: count
                for where in self.destinations
                if (count := self.cleaned_data[f"{measure}-{where}"]) is not None
            }
            for measure in STATED
        }
