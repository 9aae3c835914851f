"""The models against what really happened: figures they predict beside figures that were observed.

:mod:`~releve.validation.seoul` tests the outbreak model on the Seoul call centre of March 2020,
:mod:`~releve.validation.bank` the simulator of queues on a bank's call centre of 1999.
"""
