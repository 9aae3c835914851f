"""A bank's call centre of 1999, as a test that the simulator of queues can fail.

The "Anonymous Bank" log of the Technion (Guedj and Mandelbaum) has every call of the year. One
month is fitted, the next predicted: abandonment, service level and waits of each half hour, within
intervals that are calibrated on the first month alone.
"""

from releve.validation.bank.fit import LINES, SPREADS, Staffing
from releve.validation.bank.log import COLUMNS, FIRST, HALF_HOURS, BankDay, BankLogError, read_months, select_days
from releve.validation.bank.predict import MEASURES, NOMINAL, TICKS_MOST, Period, Prediction, predict
