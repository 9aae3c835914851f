"""An operator among others of its association, and the association's clerk.

The engine :mod:`releve.plugins.sector.engine` computes; this room stores, signs and sends.
"""
