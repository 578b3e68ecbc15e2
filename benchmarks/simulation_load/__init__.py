"""What `benchmarks/simulation.py` measures, and who asks for it."""
