"""Tests of the live chain."""
