"""Plan on the desk: compute a plan from the reference data, compare it, put it in force."""
