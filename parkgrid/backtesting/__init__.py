"""Closed loop over recorded time: what a controller would have cost, between doing nothing and perfect foresight."""
