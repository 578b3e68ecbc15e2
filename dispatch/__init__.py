"""Numbers in, plan out: the park as an optimisation problem."""
