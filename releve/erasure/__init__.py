"""Personal data of agents: one protocol to find, export and erase it, for every package.

The acts over all packages are in :mod:`releve.accounts.person_erasure`; what has reached its date
goes by :func:`erase_due`.
"""

from releve.erasure.protocol import Findings, PersonalData, erase_due, list_value_tables, register, registered
