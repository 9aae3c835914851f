"""Values in words and drawings: numbers, money, dates, charts; no request, no file."""
