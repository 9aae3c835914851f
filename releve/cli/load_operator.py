"""What several commands need: an operator folder read, and its requirement on a day."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

import click

from releve.demand import Forecast, Requirement, forecast, history_of, rate_at, require
from releve.files.operator_folder import FolderError, read_files
from releve.network import Operator, OperatorFaults, read_operator

__all__ = ["demand_of", "operator_of", "requirement_of"]

_MOST = 10


def operator_of(folder: Path) -> Operator:
    """Read an operator folder or workbook; a ClickException names its first faults."""
    try:
        return read_operator(read_files(folder))
    except FolderError as error:
        raise click.ClickException(str(error)) from None
    except OperatorFaults as error:
        lines = [str(fault) for fault in error.faults[:_MOST]]
        more = len(error.faults) - len(lines)
        if more > 0:
            lines.append(f"... and {more} more: releve network check {folder}")
        title = f"{len(error.faults)} faults in the operator's files"
        raise click.ClickException("\n".join((title, *lines))) from None


def requirement_of(operator: Operator, day: date, quantile: float | None = None) -> Requirement:
    """Forecast a day from the operator's history and return the agents it takes."""
    return demand_of(operator, day, quantile)[1]


def demand_of(
    operator: Operator, day: date, quantile: float | None = None
) -> tuple[Forecast, Requirement]:
    """Forecast a day from the operator's history; return it with the agents it takes."""
    zone_name = operator.row.time_zone
    found = forecast(history_of(operator), operator.programmes, [day], zone_name)
    if quantile is not None:
        # The quantile of the rate: the noise of single calls is in the queue model already.
        try:
            found = replace(found, quantiles={quantile: rate_at(found, quantile)})
        except ValueError as error:
            raise click.ClickException(str(error)) from None
    return found, require(found, operator.programmes, day, zone_name, quantile=quantile)
