"""The running day: calls so far, the rest of the day forecast again, and the target at risk.

:func:`reforecast` moves the morning's forecast as far as the calls so far are evidence, and gives
a :class:`releve.demand.Forecast` that the requirement takes as it takes the morning's.
"""

from typing import TYPE_CHECKING

from releve.extras import build_lazy_face

if TYPE_CHECKING:
    from releve.demand.intraday.day_law import DayLaw, IntradaySettings, assume_day_law, fit_day_law, learn_day_law
    from releve.demand.intraday.report_import import PresenceFigures, ReportImport, import_reports
    from releve.demand.intraday.rest_of_day import (
        FIGURES,
        DayFigures,
        DayUpdate,
        IntervalFigures,
        Morning,
        RestOfDay,
        TargetOutlook,
        count_service,
        dump_morning,
        fold_figures,
        forecast_morning,
        foresee_target,
        load_morning,
        merge_mornings,
        reforecast,
        update_day,
    )
else:
    __getattr__ = build_lazy_face(__name__)
