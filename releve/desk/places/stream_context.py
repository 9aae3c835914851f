"""The moment a page shows: the stream (real, or a drill), its operator, situation and clock."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.http import Http404, HttpRequest
from django.utils.translation import gettext as _

from releve.desk.live.streams import ShownStream, read_stream
from releve.desk.text import Text, text_now
from releve.live import api as live
from releve.live.api import NoOperator
from releve.network import Operator
from releve.situation import Situation, to_local_day


@dataclass(frozen=True)
class StreamContext:
    """A stream at an instant; ``title`` is that of a drill."""

    stream: str
    at: datetime
    operator: Operator
    situation: Situation
    text: Text
    title: str = ""

    def find_day(self, site: str = "") -> date:
        """Return the stream's day where the operator counts its days, or at a site."""
        return to_local_day(self.at, site, self.operator)

    @property
    def head(self) -> dict[str, Any]:
        """The fields of a StreamPage; to the minute, so that a page stays the same meanwhile."""
        return ShownStream(self.stream, self.title).build_head(self.operator.row.time_zone, self.at)


def moment(request: HttpRequest) -> StreamContext:
    """Return the stream that the user looks at; Http404 where there is no operator."""
    try:
        return load_stream_context(read_stream(request))
    except NoOperator:
        raise Http404(_("There are no reference data yet.")) from None


def load_stream_context(shown: ShownStream) -> StreamContext:
    """Return the current context of a stream; NoOperator when the registry is empty."""
    operator = live.operator_now()
    return StreamContext(
        shown.name,
        live.now(shown.name),
        operator,
        live.situation_now(shown.name),
        text_now(operator.row.time_zone),
        shown.title,
    )
