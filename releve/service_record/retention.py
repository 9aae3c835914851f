"""What of the service record goes on which date. It holds no personal data of agents."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from releve.erasure import Findings
from releve.service_record.models import (
    CallRecord,
    DayForecast,
    IntervalReport,
    PresenceReport,
    StatisticsFile,
)

__all__ = ["CALL_DAYS", "INTERVAL_DAYS", "ServiceRecordData"]

CALL_DAYS = 90
"""Single calls, and what was read of files; their counts stay in the intervals."""
INTERVAL_DAYS = 1096
"""Intervals, presence and forecasts: three years, as long as a contract's figures are disputed."""


class ServiceRecordData:
    """The retention of the record; a row says nothing of any agent."""

    name = "service_record"
    tables: Sequence[str] = ()

    def find(self, agent: str) -> Findings:
        return Findings()

    def export(self, agent: str) -> Mapping[str, list[Any]]:
        return {}

    def erase(self, agent: str, token: str, now: datetime) -> Mapping[str, Any]:
        return {}

    def erase_due(self, now: datetime) -> int:
        calls, intervals = (now - timedelta(days=days) for days in (CALL_DAYS, INTERVAL_DAYS))
        due = (
            CallRecord.objects.filter(filed_at__lt=calls),
            StatisticsFile.objects.filter(read_at__lt=calls),
            IntervalReport.objects.filter(start__lt=intervals),
            PresenceReport.objects.filter(at__lt=intervals),
            DayForecast.objects.filter(made_at__lt=intervals),
        )
        return sum(rows.delete()[0] for rows in due)
