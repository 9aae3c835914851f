"""Where a released migration, which never changes, looks for the association's error."""

from releve.plugins.sector.association.keys import AssociationError

__all__ = ["AssociationError"]
