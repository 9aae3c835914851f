"""A worker that is killed at each stage of a night's feeds, and what the registry and the folders hold afterwards."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from releve.cli.database import open_database
from tests.registry.programs import apart, killed, small


def main() -> None:
    open_database()
    from datetime import UTC, datetime, timedelta

    from releve.registry import models
    from releve.registry.service import apply_changes, get_current_version, load_operator, preview_changes
    from releve.runs import feeds, upload_reader
    from releve.runs.job_process import execute_job
    from releve.runs.models import FeedFile
    from tests.runs.feed_night import (
        change_people,
        drop,
        list_leavers,
        remember_roster,
        set_up,
        write_people,
        write_roster,
    )

    upload_reader.start_reading = execute_job  # type: ignore[assignment]
    feeds.SETTLED_SECONDS = 0.0
    now, week = datetime(2026, 12, 2, 4, 30, tzinfo=UTC), timedelta(days=7)
    operator = small("group")  # not read from files here: a child that is forked after polars ran would wait for ever
    apply_changes(preview_changes(operator), "amina")
    remember_roster()
    folder = set_up(Path(os.environ["RELEVE_HOME"]))
    after = change_people(operator)[:-9]  # of twelve joins three: a small operator loses a tenth at most
    after += [row for row in list_leavers(operator) if row not in after][:6]

    def killed_at(stage: str) -> int:
        def act() -> None:
            stores = feeds._store

            def store(*args: Any, **options: Any) -> Any:
                if stage == "version":
                    models.VersionSheet.objects.bulk_create = killed
                elif stage == "row":
                    feeds._note = killed
                row = stores(*args, **options)
                if stage == "move":
                    Path.replace = killed  # type: ignore[method-assign, assignment]
                return row

            if stage == "read":
                feeds.read_feed_file = killed
            feeds._store = store
            feeds.follow_feeds(now)

        _, status = os.waitpid(apart(act), 0)
        return os.WTERMSIG(status)

    for feed, name, text in (
        ("hr", "people.csv", write_people(after)),
        ("roster", "roster.csv", write_roster(operator, after, week)),
    ):
        drop(folder / feed, name, text)
        for stage in ("read", "version", "row", "move"):
            print(stage, killed_at(stage), get_current_version())
    for _ in range(3):
        feeds.follow_feeds(now)
    current = get_current_version()
    assert current is not None
    found = load_operator(current)
    ids = {row.id for row in after}
    wanted = {(row.agent, row.start) for row in operator.shifts if row.agent in ids}
    first = operator.shifts[0].agent
    news = [row.id for row in after if row.id.startswith("new")]
    wanted |= {(agent, start + week) for agent, start in wanted}
    wanted |= {(agent, row.start + week) for agent in news for row in operator.shifts if row.agent == first}
    rows = [(row.agent, row.start) for row in found.shifts]
    states = " ".join(FeedFile.objects.order_by("pk").values_list("state", flat=True))
    waiting = len(list(folder.glob("*/*.csv")))
    lost = len(wanted - set(rows)) + len(ids ^ {row.id for row in found.agents})
    doubled = len(rows) - len(set(rows))
    print(f"versions {current.number}, files {states}, waiting {waiting}, doubled {doubled}, lost {lost}")


if __name__ == "__main__":
    main()
