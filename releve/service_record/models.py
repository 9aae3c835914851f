"""The tables of the service record. No row names a person: calls are known by a digest."""

from __future__ import annotations

from typing import ClassVar

from django.db import models


class IntervalReport(models.Model):
    """The last report of an interval of a programme from one source; null = not known.

    ``source`` is ``proxy`` or the name of a source of statistics; the figures are those of
    :class:`releve.demand.intraday.IntervalFigures`.
    """

    programme = models.CharField(max_length=64)
    source = models.CharField(max_length=64)
    start = models.DateTimeField()
    minutes = models.PositiveSmallIntegerField()
    recorded_at = models.DateTimeField()
    offered = models.FloatField(null=True)
    answered = models.FloatField(null=True)
    abandoned = models.FloatField(null=True)
    in_time = models.FloatField(null=True)
    short = models.FloatField(null=True)
    handled_s = models.FloatField(null=True)
    waited_s = models.FloatField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["start", "programme", "source"], name="service_record_report_once")
        ]

    def __str__(self) -> str:
        return f"{self.programme} {self.start:%Y-%m-%dT%H:%MZ} {self.source}"


class PresenceReport(models.Model):
    """Agents signed in for a programme at a place, at an instant."""

    programme = models.CharField(max_length=64)
    place = models.CharField(max_length=64)
    source = models.CharField(max_length=64)
    at = models.DateTimeField()
    recorded_at = models.DateTimeField()
    agents = models.FloatField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["at", "programme", "place", "source"], name="service_record_presence_once")
        ]

    def __str__(self) -> str:
        return f"{self.programme} {self.place} {self.at:%Y-%m-%dT%H:%MZ}"


class CallRecord(models.Model):
    """A call as the proxy's records tell it; its lines come in any order, from several files.

    ``digest`` is of its Call-ID, ``code`` the SIP reply that ended its set-up at ``set_up_at``.
    ``began`` is null while only the end of the call was read, ``ended_at`` while only its set-up
    was. ``target`` is the address that took the call.
    """

    digest = models.CharField(max_length=32, unique=True)
    direction = models.CharField(max_length=3, blank=True)
    programme = models.CharField(max_length=64, blank=True)
    target = models.CharField(max_length=128, blank=True)
    began = models.DateTimeField(null=True)
    set_up_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    code = models.PositiveSmallIntegerField(default=0)
    filed_at = models.DateTimeField(db_index=True)

    class Meta:
        indexes: ClassVar = [models.Index(fields=["began", "programme"])]

    def __str__(self) -> str:
        return f"{self.digest[:8]} {self.programme} {self.code}"


class RecordCursor(models.Model):
    """Position in a file of call records, moved in the transaction that files its rows."""

    source = models.CharField(max_length=200, unique=True)
    file = models.CharField(max_length=200, blank=True)
    offset = models.BigIntegerField(default=0)
    read_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"{self.file}:{self.offset}"


class StatisticsFile(models.Model):
    """A file of statistics that was read, or could not be: its rows, and what was set aside.

    ``digest`` is of the file and of its mapping, so that a mended mapping reads it again.
    """

    source = models.CharField(max_length=64)
    name = models.CharField(max_length=200)
    digest = models.CharField(max_length=64, unique=True)
    read_at = models.DateTimeField(db_index=True)
    rows = models.IntegerField(default=0)
    used = models.IntegerField(default=0)
    faults = models.JSONField(default=list)

    def __str__(self) -> str:
        return f"{self.source}/{self.name}"


class DayForecast(models.Model):
    """The morning's forecast of a programme, as ``demand.intraday.dump_morning`` writes it.

    ``digest`` is of the programme's row: when that changes, the forecast is made again.
    """

    day = models.DateField()
    programme = models.CharField(max_length=64)
    digest = models.CharField(max_length=64)
    made_at = models.DateTimeField()
    content = models.BinaryField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["day", "programme"], name="service_record_forecast_once")
        ]

    def __str__(self) -> str:
        return f"{self.programme} {self.day}"


class SealedDay(models.Model):
    """A client's day as it was entered in the ledger; a correction is a further row."""

    client = models.CharField(max_length=64)
    day = models.DateField()
    digest = models.CharField(max_length=64)
    seq = models.BigIntegerField()
    sealed_at = models.DateTimeField()

    class Meta:
        indexes: ClassVar = [models.Index(fields=["day", "client"])]
        ordering: ClassVar = ["seq"]

    def __str__(self) -> str:
        return f"{self.client} {self.day}"
