"""What telework does to the work done: measured per programme, with its uncertainty.

Calls an hour measure in a shared queue how busy it is, not how well people work. The outcome is
therefore the logarithm of ``available / paid / mean handling time``.
"""
