"""Tests of circuit-scaling."""
