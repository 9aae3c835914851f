"""The independent checker: is a plan lawful, and are all its figures true?

It shares no code with the planner; an import contract holds it to that. It reads the operator and
the finished plan person by person and returns a sentence per fault, one function per rule.
"""

from releve.plan.checker.check import check_plan, check_relief

__all__ = ["check_plan", "check_relief"]
