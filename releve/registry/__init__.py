"""The operator's reference data in the database: import with a preview, versions, undo."""
