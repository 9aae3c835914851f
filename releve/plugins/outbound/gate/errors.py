"""The errors of the gate; a refused call is a reply, not an error.

GateError
├── CallersFault         the setting that names the callers of the gate cannot be read
├── DatabaseUnavailable  the database does not answer, or not in time
├── DecisionConflict     another process answered the same call at the same time
├── KeyFault             the key of the pseudonyms is missing, unreadable or not the one of the rows
├── LoadRefused          facts that cannot be loaded: the reason and the fix
├── NoMatch              the person, client or consent that was named is not known
├── NotAvailable         the decision, its proof or the rules that judged it are not available
├── OutcomeFault         a file of outcomes that cannot be read any further
└── Restored             a backup was put back, and the registers have not been read since
"""

from __future__ import annotations

from collections.abc import Sequence

from releve.errors import ReleveError
from releve.network.faults import Fault

_SHOWN = 50


class GateError(ReleveError):
    """The root of the errors that this package raises."""


class CallersFault(GateError):  # noqa: N818 (a setting, as KeyFault)
    """The setting that names the callers of the gate cannot be read."""


class DatabaseUnavailable(GateError):  # noqa: N818 (a state, not a fault of the program)
    """The database does not answer, or not in time."""


class DecisionConflict(GateError):  # noqa: N818
    """Another process answered the same call at the same time."""


class KeyFault(GateError):  # noqa: N818
    """The key of the pseudonyms cannot be used."""


class LoadRefused(GateError):  # noqa: N818
    """Facts that cannot be loaded, with the faults of their rows; none of them counts."""

    def __init__(self, reason: str, faults: tuple[Fault, ...] = ()) -> None:
        super().__init__(reason, faults)
        self.faults = faults

    def __str__(self) -> str:
        return str(self.args[0])

    @classmethod
    def of(cls, faults: Sequence[Fault]) -> LoadRefused:
        """Return the refusal of faulty rows, the first of which its text names."""
        lines = [str(fault) for fault in faults[:_SHOWN]]
        if len(faults) > _SHOWN:
            lines.append(f"... and {len(faults) - _SHOWN} more")
        return cls("\n".join(lines), tuple(faults))


class NoMatch(GateError):  # noqa: N818
    """The person, client or consent that was named is not known; nothing was recorded."""


class NotAvailable(GateError):  # noqa: N818
    """A decision, a proof or a version of the rules that is not available, or not yet."""


class OutcomeFault(GateError):  # noqa: N818
    """A file of outcomes that cannot be read any further."""


class Restored(GateError):  # noqa: N818
    """A backup was put back: what was withdrawn since may be missing until registers are read."""
