"""The models against what really happened: figures they predict beside figures that were observed.

``seoul`` tests the outbreak model on the Seoul call centre of March 2020. The ``bank`` modules test
the simulator of queues on a bank's call centre of 1999, the "Anonymous Bank" log of the Technion
(Guedj and Mandelbaum), which has every call of the year: one month is fitted, the next predicted,
abandonment, service level and waits of each half hour, within intervals that are calibrated on the
first month alone. ``rest_of_day`` tests the forecast within the day on two banks' logs.
"""
