"""Relève keeps every client of a contact-centre operator served when a place closes, and proves it.

Engines (pure): :mod:`releve.network`, :mod:`releve.demand`, :mod:`releve.plan`.
Shell (files, terminal, web): :mod:`releve.cli`, :mod:`releve.desk`.
"""

__version__ = "0.1.0"
