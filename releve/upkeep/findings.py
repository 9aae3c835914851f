"""What a check of an installation finds."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong: with which check, what, and how to mend it."""

    check: str
    says: str
    fix: str
    is_fault: bool

    def __str__(self) -> str:
        return f"{'FAULT' if self.is_fault else 'warning'} {self.check}: {self.says}; {self.fix}"


@dataclass(frozen=True, slots=True)
class Examination:
    """What is examined: the home, by which environment, at which instant.

    ``send_to`` is an address that gets a test message; empty: none is sent.
    """

    home: Path
    now: datetime
    environ: Mapping[str, str] = field(default_factory=lambda: os.environ)
    send_to: str = ""


def fault(check: str, says: str, fix: str) -> Finding:
    """Return a finding that must be mended before anyone relies on the installation."""
    return Finding(check, says, fix, is_fault=True)


def warning(check: str, says: str, fix: str) -> Finding:
    """Return a finding that may be meant so."""
    return Finding(check, says, fix, is_fault=False)
