"""What `benchmarks/dispatch.py` measures: its parks, HiGHS driven by hand, and the three ways side by side."""
