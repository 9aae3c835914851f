"""Tests of the adapters to telephony."""
