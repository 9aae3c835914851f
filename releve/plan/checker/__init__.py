"""The independent checker: is a plan lawful, and are all its figures true?

It shares no code with the planner; an import contract holds it to that. It reads the operator and
the finished plan person by person and returns a sentence per fault, one function per rule.
"""

from typing import TYPE_CHECKING

from releve.extras import build_lazy_face

if TYPE_CHECKING:
    from releve.plan.checker.check import check_plan, check_relief
else:
    __getattr__ = build_lazy_face(__name__)
