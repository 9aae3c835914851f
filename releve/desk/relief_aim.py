"""The page on which a person chooses what reliefs aim at, with what each aim would do."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template import Library
from django.urls import path
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy
from pydantic import Field

from releve.accounts.scopes import can
from releve.desk.access.guard import actor_name
from releve.desk.endpoint import ACT, serve
from releve.desk.filters import add_words
from releve.desk.http import page_response
from releve.desk.live.forms import EventForm
from releve.desk.live.page import ShownStream, read_stream
from releve.desk.page import PageModel, StreamPage, share_page
from releve.live import api as live
from releve.network import Operator
from releve.plan.work_changes import KindCount
from releve.situation import ReliefAimChosen

if TYPE_CHECKING:
    from releve.accounts.scopes import AnyUser

register = Library()
AIM_NAMES = {"few": lazy("Fewest moves"), "balanced": lazy("Balanced"), "coverage": lazy("Best coverage")}
add_words(register, "aim_name", AIM_NAMES)
add_words(
    register,
    "aim_words",
    {
        "few": lazy("The fewest people move with whom what is promised is kept for every client, where that can be."),
        "balanced": lazy(
            "The fewest people move with whom every client is covered as well as it can be, to half a per cent of its"
            " day."
        ),
        "coverage": lazy("Every half hour covered counts, however many people move."),
    },
)


class AimRow(PageModel):
    """What the relief of an aim does, in whole people, from now on."""

    aim: str = Field(description="few, balanced or coverage")
    moved: int = Field(description="People who work differently from the plan")
    kinds: tuple[KindCount, ...] = Field(description="Those people by kind")
    notified: int = Field(description="People who work differently from what is in force")
    worst: float = Field(description="The largest share of the rest of its day that a client misses")
    worst_client: str = Field(description="Name of that client; empty: none misses anything")
    below: tuple[str, ...] = Field(description="Names of the clients that miss more than is promised")
    hours: float = Field(description="Hours of agents missing in all")
    same_as: str = Field(
        default="",
        description="The aim that moves as many and covers as much here, and is shown in its place; or empty",
    )


class AimPage(StreamPage):
    """What reliefs aim at, and what each aim would do to what is lost."""

    aim: str = Field(description="In force")
    default: str = Field(description="In force where no person chose")
    chosen_by: str = Field(default="", description="Empty: no person chose")
    chosen_at: datetime | None = None
    target: float | None = Field(default=None, description="Share of its day that a client may miss, by promise")
    lost: tuple[str, ...] = Field(default=(), description="Names of what is lost; empty: there is nothing to choose")
    pending: bool = Field(default=False, description="Whether the relief for it is still being made")
    rows: tuple[AimRow, ...] = ()
    chooses: bool = Field(description="Whether the reader may choose")

    @property
    def choices(self) -> tuple[tuple[AimRow, tuple[str, ...]], ...]:
        """The rows that differ in what they do, each with the other aims that move as many and cover as much."""
        rows = [row for row in self.rows if not row.same_as]
        return tuple((row, tuple(other.aim for other in self.rows if other.same_as == row.aim)) for row in rows)


def aim_page(shown: ShownStream, user: AnyUser) -> AimPage:
    """Return the page of a stream."""
    operator, scene = live.operator_now(), live.load_scene(shown.name)
    chosen, default = live.situation_now(shown.name).aim_choice, live.read_relief_choice()
    page = AimPage(
        **shown.build_head(operator.row.time_zone),
        aim=default if chosen is None else chosen.aim,
        default=default,
        chosen_by="" if chosen is None else chosen.actor,
        chosen_at=None if chosen is None else chosen.recorded_at,
        chooses=can(user, "relief.order"),
    )
    lost = {} if scene is None else {day: loss for day, loss in scene.wanted.items() if loss}
    if scene is None or not lost:
        return page
    sites = frozenset().union(*(loss.sites for loss in lost.values()))
    carriers = frozenset().union(*(loss.carriers for loss in lost.values()))
    target = float(scene.day_plan(scene.days[0]).plan.settings["target"])
    return page.model_copy(
        update={
            "target": target,
            "lost": (*(operator.site[site].name for site in sorted(sites)), *sorted(carriers)),
            "pending": bool(scene.unanswered),
            "rows": _list_rows(scene, operator, target, (page.aim, default)),
        }
    )


def _list_rows(scene: live.Scene, operator: Operator, target: float, first: tuple[str, str]) -> tuple[AimRow, ...]:
    """Return what each aim does; of those that do the same, one of ``first`` stands for the others where it can."""
    names = {row.id: row.name for row in operator.clients}
    found = live.compare_aims(scene)
    ranked = sorted(found, key=lambda aim: first.index(aim) if aim in first else len(first))
    same = {aim: next(one for one in ranked if found[one].does_as(row)) for aim, row in found.items()}
    return tuple(
        AimRow(
            aim=aim,
            same_as=same[aim] if same[aim] != aim else "",
            moved=row.moved,
            kinds=row.kinds,
            notified=row.notified,
            worst=row.worst,
            worst_client=names.get(row.worst_client, row.worst_client),
            below=tuple(names.get(client, client) for client in row.list_below(target)),
            hours=row.hours,
        )
        for aim, row in found.items()
    )


class AimForm(EventForm):
    """The aim that is chosen; each row of the page has one."""

    records = ReliefAimChosen
    aim = forms.ChoiceField(choices=tuple(AIM_NAMES.items()))


@serve("reliefs.see")
def show(request: HttpRequest) -> HttpResponse:
    """What each aim would do to what is lost, in whole people, and which one is in force."""
    shown, user = read_stream(request), request.user
    page = share_page(("relief_aim", shown), user, lambda: aim_page(shown, user))
    return page_response(request, "desk/relief/aim.html", page, {"form": AimForm()})


@serve("relief.order", ACT, recent=True)
def choose(request: HttpRequest) -> HttpResponse:
    """Choose an aim: the relief is made again with it."""
    stream, form = read_stream(request).name, AimForm(request.POST)
    if form.is_valid():
        event = form.build_event(**live.sign_event(stream, actor_name(request)))
        if form.record(event, stream, request.user) is not None:
            messages.success(request, _("Recorded. The relief is made again; those whose work changes are notified."))
            return redirect("relief")
    for faults in form.errors.values():
        messages.error(request, " ".join(map(str, faults)))
    return redirect("relief_aim")


urlpatterns = [
    path("relief/aim", show, name="relief_aim"),
    path("relief/aim.json", show, name="relief_aim_json"),
    path("relief/aim/choose", choose, name="relief_aim_choose"),
]
