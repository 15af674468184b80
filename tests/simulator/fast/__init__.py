"""Tests of simulator/fast."""
