"""Alarms after ISA-18.2: what needs a person, from the condition to the acknowledgement."""
