"""Versions of the operator, each a sheet a table, each sheet a sequence of blocks.

A version is added, never edited, but for one thing: the pseudonym of an agent who is erased leaves
every version (:mod:`releve.registry.erasure`).
"""

from __future__ import annotations

from django.db import models


class Block(models.Model):
    """About 500 rows of a table: compressed canonical JSON, named by its SHA-256."""

    digest = models.CharField(max_length=64, unique=True)
    data = models.BinaryField()

    def __str__(self) -> str:
        return f"block {self.digest[:12]}"


class Sheet(models.Model):
    """A whole table: its blocks in order."""

    digest = models.CharField(max_length=64, unique=True)
    table = models.CharField(max_length=32)
    count = models.PositiveIntegerField()
    blocks = models.ManyToManyField(Block, through="SheetBlock")

    def __str__(self) -> str:
        return f"{self.count} rows of {self.table}"


class SheetBlock(models.Model):
    """A block in a sheet: its rows ``start`` (from 0) to ``start + count``."""

    sheet = models.ForeignKey(Sheet, on_delete=models.PROTECT)
    block = models.ForeignKey(Block, on_delete=models.PROTECT)
    start = models.PositiveIntegerField()
    count = models.PositiveIntegerField()

    class Meta:
        ordering = ("sheet", "start")
        constraints = (models.UniqueConstraint(fields=("sheet", "start"), name="registry_one_block_a_row"),)

    def __str__(self) -> str:
        return f"rows {self.start} to {self.start + self.count}"


class Version(models.Model):
    """The operator as it was from one change to the next; the highest number is current."""

    number = models.PositiveIntegerField(unique=True)
    made_at = models.DateTimeField()
    made_by = models.CharField(max_length=150)
    comment = models.CharField(max_length=500, blank=True)
    source = models.CharField(max_length=200, blank=True)
    undoes = models.PositiveIntegerField(null=True)
    digest = models.CharField(max_length=64)
    summary = models.JSONField()
    sheets = models.ManyToManyField(Sheet, through="VersionSheet")

    class Meta:
        ordering = ("-number",)

    def __str__(self) -> str:
        return f"version {self.number}"


class VersionSheet(models.Model):
    version = models.ForeignKey(Version, on_delete=models.PROTECT)
    sheet = models.ForeignKey(Sheet, on_delete=models.PROTECT)

    class Meta:
        constraints = (models.UniqueConstraint(fields=("version", "sheet"), name="registry_sheet_once"),)

    def __str__(self) -> str:
        return f"a sheet of version {self.version_id}"


class Upload(models.Model):
    """An upload, between the preview of its changes and the confirmation or refusal.

    ``base`` is the number of the version they were compared with, 0 where there was none.
    """

    token = models.CharField(max_length=43, unique=True)
    name = models.CharField(max_length=200)
    data = models.BinaryField()
    base = models.PositiveIntegerField()
    made_at = models.DateTimeField()
    made_by = models.CharField(max_length=150)

    def __str__(self) -> str:
        return self.name


class TeleworkEstimate(models.Model):
    """What telework does, measured from a file of work records, which is not kept.

    ``content``: :func:`releve.plugins.telework.engine.build_document`, sums over agents alone;
    ``digest``: SHA-256 of the file. The newest counts.
    """

    made_at = models.DateTimeField()
    made_by = models.CharField(max_length=150)
    source = models.CharField(max_length=200)
    digest = models.CharField(max_length=64)
    content = models.JSONField()

    def __str__(self) -> str:
        return f"estimate {self.pk} from {self.source}"


class FileLayout(models.Model):
    """How files with a set of headers are read: what a user chose and answered, for the next one of its kind.

    ``digest``: SHA-256 of the set of headers; ``answers`` and ``queues`` of
    :class:`releve.registry.uploads.RecognizedLog`.
    """

    digest = models.CharField(max_length=64, unique=True)
    name = models.CharField(max_length=200)
    headers = models.JSONField()
    answers = models.JSONField()
    queues = models.JSONField()
    used_at = models.DateTimeField()
    used_by = models.CharField(max_length=150)

    class Meta:
        ordering = ("name", "pk")

    def __str__(self) -> str:
        return f"layout of {self.name}"
