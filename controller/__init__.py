"""The running energy-management system: image, cycle, decision, guard, planner, telemetry."""
