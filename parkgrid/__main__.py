"""``python -m parkgrid``: the same as the console script."""

from parkgrid.cli import main

if __name__ == "__main__":
    main()
