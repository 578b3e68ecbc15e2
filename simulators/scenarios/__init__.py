"""Scenarios of the simulated park: days and weeks as data, laid over weather, loads, prices and limits."""
