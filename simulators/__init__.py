"""The park that is not there: physics, protocol servers and faults."""
