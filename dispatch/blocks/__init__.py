"""One asset, one block, one equation."""
