"""The operator's reference data in the database: import with a preview, versions, undo.

:mod:`releve.registry.service` is what other packages use: ``current()``, ``operator_of(version)``,
``preview(operator)``, ``apply(changes, by, comment)``, ``undo(version, by)``; and
:mod:`releve.registry.edits` for one row. Nothing is imported here, since Django reads this
package before its models may be.
"""
