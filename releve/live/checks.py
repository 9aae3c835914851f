"""System check: a plan folder that would leave the desk without a plan, and what to do."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, register

_HINT = "Write one with `releve plan FOLDER`, then set RELEVE_PLAN_FOLDER to it."


@register(Tags.files)
def plan_folder_check(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """Check that the plan folder, if one is named, is there and each plan in it can be read."""
    folder = settings.PLAN_FOLDER
    if folder is None:
        return []
    from releve.files.plan_folder import PlanFolderError, open_plan_store

    store = open_plan_store(folder)
    try:
        days = store.days()
    except PlanFolderError as error:
        return [Error(f"The plan folder has no plan: {error}", hint=_HINT, id="releve.desk.E002")]
    faults: list[CheckMessage] = []
    for day in days:
        try:
            store.get(day)
        except PlanFolderError as error:
            message = f"A plan cannot be read: {error}"
            hint = "Plan that day again; a folder is written whole or not at all."
            faults.append(Error(message, hint=hint, id="releve.desk.E003"))
    return faults
