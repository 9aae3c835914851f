"""Call history -> forecast -> agents required per programme and half hour."""

from typing import TYPE_CHECKING

from releve.extras import build_lazy_face

if TYPE_CHECKING:
    from releve.demand.call_log_file import import_calls, import_log
    from releve.demand.cleaning import KINDS, CleanHistory, NamedDay, clean_history
    from releve.demand.erlang import DEFINITIONS, QueueMetrics, metrics, required_agents, warm_up
    from releve.demand.forecast import (
        ModelChoice,
        ModelSettings,
        Score,
        backtest,
        build_forecast,
        choose_model,
        library_models,
        rate_at,
        read_forecast,
    )
    from releve.demand.history import build_histories, import_intervals, list_history_rows
    from releve.demand.import_report import ImportFault, ImportReport, RowCount
    from releve.demand.localtime import add_observed_holidays
    from releve.demand.mapping import CallMapping, Drop, IntervalMapping, parse_mapping
    from releve.demand.requirement import INTERVAL, Forecast, History, Requirement, compute_requirement
else:
    __getattr__ = build_lazy_face(__name__)
