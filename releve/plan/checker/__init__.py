"""The independent checker: is a plan lawful, and is everything it says of itself true?

It shares no code with the planner. It reads the operator and the finished plan, person by person,
and answers in sentences; a plan without a sentence has passed. The rules are numbered nowhere
else: each is one function here, whose docstring states it.
"""

from releve.plan.checker.check import check_plan, check_relief

__all__ = ["check_plan", "check_relief"]
