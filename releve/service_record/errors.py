"""What can be wrong with statistics that are filed."""

from __future__ import annotations

from releve.errors import ReleveError


class MappingFault(ReleveError, ValueError):  # noqa: N818 (named after what is wrong)
    """A mapping that cannot be used; the message says why, and the fix."""
