"""``releve doctor``: what is wrong with this installation, and how to mend it; ``releve settings``."""

from __future__ import annotations

import os
from pathlib import Path

import click

from releve.setting_names import settings_markdown


@click.command()
@click.option("--send-to", default="", metavar="ADDRESS", help="Send a test message there.")
def doctor(send_to: str) -> None:
    """Say what is wrong with this installation, a line a finding, each with its fix.

    Looks at the home and who may read it, keys, rule files, disk, caches, settings, TLS to the
    database, mail, routing, migrations, clock, administrators, channels of contacts, on-call rota,
    worker, SIP proxies and ledger. Nothing is changed. Exit status 1 with a FAULT, 0 with warnings alone.
    """
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "releve.settings")
    import django
    from django.core.exceptions import ImproperlyConfigured

    try:
        django.setup()
    except ImproperlyConfigured as error:
        click.echo(f"FAULT settings: {error}; set it right, and run this again")
        raise SystemExit(1) from None
    from django.conf import settings
    from django.utils import timezone
    from django.utils.translation import override

    from releve.upkeep.doctor import examine, list_checks
    from releve.upkeep.findings import Examination

    faults = count = 0
    with override("en"):
        asked = Examination(Path(settings.HOME), timezone.now(), os.environ, send_to)
        for finding in examine(asked):
            click.echo(str(finding))
            count, faults = count + 1, faults + finding.is_fault
    if not count:
        click.echo(f"nothing is wrong: {', '.join(list_checks())}")
    raise SystemExit(1 if faults else 0)


@click.command()
def settings() -> None:
    """Print every setting of the environment as Markdown: what it means, and what holds without it."""
    click.echo(settings_markdown(), nl=False)
