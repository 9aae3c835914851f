"""An operator among others of its association, and the association's clerk.

The engine :mod:`releve.sector` computes; this room stores, signs and sends.
"""
