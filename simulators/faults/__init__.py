"""Faults of the simulated park: on its lines, in its devices' answers, in how they take commands, and in themselves."""
