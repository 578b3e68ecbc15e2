"""The blocks of the optimisation problem, one for each form of `dispatch.forms`; these bring cvxpy."""
