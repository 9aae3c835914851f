"""Relève keeps every client of a contact-centre operator served when a place closes, and proves it.

Engines (pure): :mod:`releve.network`, :mod:`releve.demand`, :mod:`releve.plan`.
Shell (files, terminal, web): :mod:`releve.cli`, :mod:`releve.desk`.
"""

import os

from releve.kernels import cache_folder

__version__ = "0.1.0"

# Before numba is first imported, which reads it then.
os.environ.setdefault("NUMBA_CACHE_DIR", str(cache_folder()))
