"""Pages for a lost second factor: an administrator asks for its removal, another one allows it."""

from __future__ import annotations

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy

from releve.accounts import factor_resets as service
from releve.accounts.grants import AccessError
from releve.accounts.models import FactorReset, User
from releve.desk.access.actor import actor_name
from releve.desk.endpoint import ACT, FORM, serve
from releve.desk.text import translate_error


class FactorResetForm(forms.Form):
    """How the person was recognised."""

    reason = forms.CharField(
        label=lazy("How the person was recognised"),
        help_text=lazy("For example: in person, by the badge. It is recorded."),
        max_length=500,
    )


@serve("users.manage", FORM, recent=True)
def ask_reset(request: HttpRequest, number: int) -> HttpResponse:
    """Ask that the second factor of a person be removed, with how the person was recognised."""
    user = get_object_or_404(User, pk=number, is_active=True)
    if user.pk == request.user.pk:
        raise Http404
    form = FactorResetForm(request.POST or None)
    if form.is_valid():
        try:
            service.request_reset(user, form.cleaned_data["reason"], by=actor_name(request))
        except AccessError as error:
            form.add_error(None, translate_error(error))
        else:
            messages.success(request, _("Asked: another administrator has to allow it."))
            return redirect("people")
    status = 422 if form.is_bound else 200
    context = {"person": user, "form": form}
    return render(request, "desk/people/factors.html", context, status=status)


@serve("users.manage", ACT, recent=True)
def allow_reset(request: HttpRequest, number: int) -> HttpResponse:
    """Allow what another administrator has asked."""
    reset = get_object_or_404(FactorReset, pk=number)
    try:
        service.approve_reset(reset, by=actor_name(request))
    except AccessError as error:
        messages.error(request, translate_error(error))
    else:
        messages.success(request, _("The second factor is removed."))
    return redirect("people")


def translate_obstacle(reset: FactorReset, by: str) -> str:
    """Return why this person cannot allow a request, in words; empty where they can."""
    obstacle = service.find_obstacle(reset, by)
    return translate_error(obstacle) if obstacle is not None else ""
