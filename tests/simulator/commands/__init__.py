"""Tests of simulator/commands."""
