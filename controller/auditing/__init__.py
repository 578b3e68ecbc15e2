"""The audit: every attempted write and every operator's action, each sealed with the one before."""
