"""Draws of visits and tests that no party can steer and anyone can compute again.

``chains``         two hash chains, one link each a day: the seed of a day's draw
``probabilities``  what each site's weight gives it, between a least and a most, as fractions
``selection``      the visits of a day: a systematic draw by those probabilities
``people``         who is tested among those present, zone by zone, by commitments
``power``          what a number of tests or of visits can find, in numbers and in words
=================  ===============================================================================

``releve/plugins/inspection/verify_draw.py`` computes a draw again with the standard library alone.
=======
``releve/plugins/inspection/verify_draw.py`` computes a draw again with the standard library alone.
"""

from releve.plugins.inspection.engine.chains import (
    DrawError,
    VisitDraw,
    allocate_tests,
    bind_plan,
    build_chain,
    commit_person,
    derive_seed,
    draw_people,
    draw_visits,
    hash_plan,
    hash_present_list,
    leads_to_anchor,
    reveal_link,
)
from releve.plugins.inspection.engine.power import (
    TestPower,
    compute_probabilities,
    compute_test_power,
    compute_visit_power,
    count_tests_needed,
    describe_test_power,
    describe_visit_power,
)

__all__ = [
    "DrawError",
    "TestPower",
    "VisitDraw",
    "allocate_tests",
    "bind_plan",
    "build_chain",
    "commit_person",
    "compute_probabilities",
    "compute_test_power",
    "compute_visit_power",
    "count_tests_needed",
    "derive_seed",
    "describe_test_power",
    "describe_visit_power",
    "draw_people",
    "draw_visits",
    "hash_plan",
    "hash_present_list",
    "leads_to_anchor",
    "reveal_link",
]
