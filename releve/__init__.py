"""Relève keeps every client of a contact-centre operator served when a place closes, and proves it.

Engines (no files, sockets, clocks or Django), lower floors first: :mod:`~releve.kernels` (how they
compile) · :mod:`~releve.network` · :mod:`~releve.demand`, :mod:`~releve.situation`,
:mod:`~releve.transport` · :mod:`~releve.plan`.

Services (database, files, sockets, the clock; no HTTP, no terminal): :mod:`~releve.files`,
:mod:`~releve.erasure` · :mod:`~releve.registry`, :mod:`~releve.ledger`, :mod:`~releve.routing` ·
:mod:`~releve.service_record` · :mod:`~releve.accounts` · :mod:`~releve.live` ·
:mod:`~releve.runs` · :mod:`~releve.upkeep`.

Faces: :mod:`~releve.desk` (web) and :mod:`~releve.cli` (command line).

Plug-ins, each with its engine, services, pages and commands: :mod:`~releve.plugins`, which
:mod:`~releve.plugin` lists.
"""

import os

from releve.kernels.cache import cache_folder

__version__ = "0.2.0"

# numba reads it once, when it is first imported.
os.environ.setdefault("NUMBA_CACHE_DIR", str(cache_folder(os.environ)))
