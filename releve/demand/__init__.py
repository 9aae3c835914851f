"""Call history -> forecast -> agents required per programme and half hour."""

from releve.demand.call_import import (
    CallMapping,
    Drop,
    ImportFault,
    ImportReport,
    IntervalMapping,
    RowCount,
    import_calls,
    import_intervals,
    mapping_of,
)
from releve.demand.call_log_file import import_log
from releve.demand.cleaning import KINDS, CleanHistory, NamedDay, clean
from releve.demand.erlang import (
    DEFINITIONS,
    QueueMetrics,
    metrics,
    required_agents,
    warm_up,
)
from releve.demand.forecast import (
    Choice,
    ModelSettings,
    Score,
    backtest,
    choose_model,
    forecast,
    imported_forecast,
    library_models,
    rate_at,
)
from releve.demand.history import history_of, history_rows
from releve.demand.holidays import with_seen_holidays
from releve.demand.requirement import require
from releve.demand.tables import INTERVAL, Forecast, History, Requirement

__all__ = [
    "DEFINITIONS",
    "INTERVAL",
    "KINDS",
    "CallMapping",
    "Choice",
    "CleanHistory",
    "Drop",
    "Forecast",
    "History",
    "ImportFault",
    "ImportReport",
    "IntervalMapping",
    "ModelSettings",
    "NamedDay",
    "QueueMetrics",
    "Requirement",
    "RowCount",
    "Score",
    "backtest",
    "choose_model",
    "clean",
    "forecast",
    "history_of",
    "history_rows",
    "import_calls",
    "import_intervals",
    "import_log",
    "imported_forecast",
    "library_models",
    "mapping_of",
    "metrics",
    "rate_at",
    "require",
    "required_agents",
    "warm_up",
    "with_seen_holidays",
]
