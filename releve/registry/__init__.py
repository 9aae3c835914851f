"""The operator's reference data in the database: import with a preview, versions, undo.

Other packages use :mod:`releve.registry.service`, and :mod:`releve.registry.edits` for one row.
"""
