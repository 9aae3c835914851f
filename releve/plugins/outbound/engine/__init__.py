"""May this call be placed? The law as dated rows, verdicts with their reasons, lists screened."""
