"""Relève keeps every client of a contact-centre operator served when a place closes, and proves it.

Engines (no files, sockets, clocks or Django), lower floors first: :mod:`~releve.kernels` (how they
compile) · :mod:`~releve.network` · :mod:`~releve.plugins.inspection.engine` ·
:mod:`~releve.demand`, :mod:`~releve.situation`, :mod:`~releve.plugins.outbound.engine`,
:mod:`~releve.transport` · :mod:`~releve.plan` · :mod:`~releve.plugins.crashtest.engine`,
:mod:`~releve.plugins.sector.engine`.

Services (database, files, sockets, the clock; no HTTP, no terminal): :mod:`~releve.files` ·
:mod:`~releve.registry`, :mod:`~releve.ledger`, :mod:`~releve.accounts`, :mod:`~releve.erasure`,
:mod:`~releve.runs`, :mod:`~releve.routing`, :mod:`~releve.plugins.evidence`,
:mod:`~releve.validation` · :mod:`~releve.plugins.outbound.gate`, :mod:`~releve.service_record` ·
:mod:`~releve.plugins.outbound.campaign` · :mod:`~releve.live` ·
:mod:`~releve.plugins.sector.association` · :mod:`~releve.upkeep`.

Faces: :mod:`~releve.desk` (web) and :mod:`~releve.cli` (command line).
"""

import os

from releve.kernels.cache import cache_folder

__version__ = "0.1.0"

# numba reads it once, when it is first imported.
os.environ.setdefault("NUMBA_CACHE_DIR", str(cache_folder(os.environ)))
