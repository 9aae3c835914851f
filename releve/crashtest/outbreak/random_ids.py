"""The number of every decision: which random number of a person, a site or a replication it takes.

The kernel and its plain version in the tests share these and nothing else.
"""

from __future__ import annotations

from typing import Final

# Of a person.
INCUBATION: Final = 0
SYMPTOMS: Final = 1
MULTIPLIER: Final = 2
ATTEMPTS: Final = 3
HOME_MULTIPLIER: Final = 4
HOME_ATTEMPTS: Final = 5
STAYS_HOME: Final = 6
IS_TESTED: Final = 7
RESULT: Final = 8
IMMUNE: Final = 9
VISIT_RESULT: Final = 1_000  # + day
CLOSING_TEST: Final = 2_000  # + day
CLOSING_RESULT: Final = 3_000  # + day
ATTEMPT: Final = 10_000  # + 4 x attempt + one of the four:
TIME: Final = 0
LAYER: Final = 1
TARGET: Final = 2
ACCEPT: Final = 3
HOME_ATTEMPT: Final = 1 << 20  # the first attempt at home; those at work come before

# Of a site.
IMPORT_GAP: Final = 0  # + 2 x import
IMPORT_WHO: Final = 1
VISIT_GAP: Final = 1 << 24  # + visit
VISIT_DRAW: Final = 1 << 32  # + 2^20 x day + draw
VISIT_SCAN: Final = 1 << 48  # + 2^20 x day + agent

# Of a replication.
FIRST_CASE: Final = 7

DAYS_MOST: Final = 900
