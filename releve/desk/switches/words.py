"""The template filter that says what a prepared switch is for."""

from __future__ import annotations

from django.template import Library

from releve.desk.plan.words import describe_loss

register = Library()
register.filter("switch_loss", describe_loss)
