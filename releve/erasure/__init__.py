"""Personal data of agents: one protocol to find, export and erase it, which every room registers.

``columns`` declares what each column of the database holds, ``protocol`` what a room has to offer.
The acts over all rooms are in :mod:`releve.accounts.person_erasure`; what has reached its date goes
by :func:`erase_due`.
"""

from releve.erasure.protocol import (
    Findings,
    PersonalData,
    erase_due,
    register,
    registered,
)

__all__ = ["Findings", "PersonalData", "erase_due", "register", "registered"]
