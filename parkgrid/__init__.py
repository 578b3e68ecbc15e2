"""The command line: what a person types, and what must know both the controller and the simulators."""
