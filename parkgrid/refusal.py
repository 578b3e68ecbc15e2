"""The two ways a command ends badly. The message is for the user: one or a few plain lines."""

from __future__ import annotations


class Refused(Exception):
    """The input cannot be used: exit code 2."""


class Failed(Exception):
    """Something went wrong while running: exit code 1."""
