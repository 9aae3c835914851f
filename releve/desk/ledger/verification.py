"""The whole ledger checked by the verifier that strangers are given, its result in words."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.translation import gettext as _

from releve.desk.text import Text
from releve.errors import ReleveError
from releve.evidence.verify import Export, Keys, VerifyError, check_root, read_line
from releve.ledger.chain import read_head
from releve.ledger.export import export_lines
from releve.ledger.rotation import iter_rotations, list_own_keys

MOST = 100_000
"""Entries that are checked while a reader waits; more are for the command line."""
_MOST_FAULTS = 50


class TooManyEntries(ReleveError, ValueError):  # noqa: N818 (the word of the desk)
    """More entries than a page can wait for."""


@dataclass(frozen=True, slots=True)
class VerificationResult:
    """What the verifier found: its faults as it names them, its own summary, and a sentence."""

    holds: bool
    sentence: str
    faults: tuple[str, ...]
    more: str
    summary: str


def verify_ledger(text: Text, outside: bytes = b"", *, counts: bool) -> VerificationResult:
    """Check every entry, value and root, and the root from outside if one is given.

    ``counts``: the summary says how many personal values there are. A case has more of them than
    an absence, so this is for readers who may see the number of cases.
    TooMany above :data:`MOST` entries; ValueError where the root given is none of this ledger's.
    """
    if read_head().seq > MOST:
        raise TooManyEntries
    keys = Keys(list_own_keys())
    try:
        for rotation in iter_rotations():
            keys.add(rotation.document)
        roots = [check_root(read_line(outside), keys)] if outside else []
    except VerifyError as fault:
        raise ValueError(str(fault)) from None
    checked = Export(keys, roots)
    checked.read(f"{line}\n".encode() for line in export_lines(values=True))
    return _build_result(checked, text, counts)


def _build_result(checked: Export, text: Text, counts: bool) -> VerificationResult:
    if checked.faults:
        count = len(checked.faults)
        sentence = _("The ledger does not verify. Faults found: {count}.").format(
            count=text.number(count)
        )
        more = count - _MOST_FAULTS
        return VerificationResult(
            False,
            sentence,
            tuple(checked.faults[:_MOST_FAULTS]),
            _("… and {count} more.").format(count=more) if more > 0 else "",
            "",
        )
    sentence = _("The ledger verifies: {entries} entries in an unbroken chain.").format(
        entries=text.number(checked.seq)
    )
    return VerificationResult(True, sentence, (), "", checked.summary(counts=counts))
