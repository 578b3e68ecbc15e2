"""What `benchmarks/drivers.py` measures, piece by piece, and the servers that it measures against."""
