"""The pages of the operator's reference data: tables, rows, versions, files sent."""
