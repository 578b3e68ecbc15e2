"""The few forms that all kinds of assets take in dispatch; plain numpy, so that plans are checked without a solver."""
