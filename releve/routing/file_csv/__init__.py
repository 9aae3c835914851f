"""Routes as one CSV file that a telephony system reads, or imports by its own schedule."""

from releve.routing.file_csv.adapter import FileCsv, from_environment

__all__ = ["FileCsv", "from_environment"]
