"""The alarms in English."""

from __future__ import annotations

from collections.abc import Mapping

from controller.alarming.words import Words

WORDS: Mapping[str, Words] = {
    "grid_meter_lost": Words(
        "Grid meter lost",
        "The power at the connection point cannot be read.",
        "Every device is held at its safe value; the plan is not followed.",
        "Check the meter's power, its network and its address in the site file.",
    ),
    "connection_lost": Words(
        "Connection lost",
        "Nothing behind one connection answers: gateway, broker or network is down.",
        "The plan and the other assets go on without all that is behind it.",
        "Check the gateway or broker and its network; the devices behind it are probably well.",
    ),
    "asset_unavailable": Words(
        "Asset unavailable",
        "A value that the asset needs cannot be read, or its device says that it may not be used.",
        "The plan and the other assets go on without it.",
        "Check the device, its network and whether it is switched to local.",
    ),
    "setpoint_not_followed": Words(
        "Setpoint not followed",
        "The device answers, but does not do what it was told.",
        "The asset does not do what was decided; limits are kept with the other assets.",
        "Check the device's control mode and whether another controller writes to it.",
    ),
    "import_limit_exceeded": Words(
        "Import limit exceeded",
        "The park takes more than the connection allows, or what hangs on a feeder more than that.",
        "The connection or the feeder is overloaded, or a contract penalty is near.",
        "Switch off load that can wait; the battery and the heat pump already give what they can.",
    ),
    "export_limit_exceeded": Words(
        "Export limit exceeded",
        "The park feeds more than the connection allows, or what hangs on a feeder more than that.",
        "The grid operator's limit is broken, or the feeder is overloaded.",
        "Check that the generators follow their limits; switch one off if they do not.",
    ),
    "islanded": Words(
        "Parted from the grid",
        "The breaker of the connection is open.",
        "The battery holds the park as long as it lasts; what can wait waits, and loads are shed by their order.",
        "Ask the grid operator how long it lasts, and switch off what is not needed. The relay closes the breaker.",
    ),
    "operator_limit_lost": Words(
        "Grid operator's limit cannot be read",
        "The receiver of the grid operator's orders does not answer, or says what makes no sense.",
        "The strictest order is taken to be in force: generators and loads may be held back for nothing.",
        "Check the receiver, its wiring and its network; ask the grid operator whether an order stands.",
    ),
    "demand_at_risk": Words(
        "Demand target at risk",
        "The mean of 15 minutes is about to pass the month's target.",
        "The month's peak grows, and each kW of it costs the demand charge of the whole month.",
        "Switch off what can wait a quarter of an hour; the battery and all that may wait already give way.",
    ),
    "soc_implausible": Words(
        "State of charge implausible",
        "The state of charge does not fit the energy that went in and out.",
        "The battery may be fuller or emptier than it shows; plans and limits go by what it shows.",
        "Compare the battery's own display; have its management calibrated by a full charge.",
    ),
    "measurement_frozen": Words(
        "Measurement frozen",
        "A power that moved all the time has not moved at all for a quarter of an hour.",
        "Plans and limits go by a value that is probably an old one.",
        "Compare the device's own display; restart its gateway or its communication.",
    ),
    "balance_not_closed": Words(
        "Balance does not close",
        "What comes in, is made and is used does not add up as it usually does.",
        "One of the measured powers is wrong, or something that is not measured was switched on or off.",
        "Compare the meters with their own displays, those first that changed at that time.",
    ),
    "heat_supply_low": Words(
        "Heat supply low",
        "The hot water tank is down to its reserve.",
        "Heat pump and boiler run at full power whatever heat costs; demand may not be met.",
        "Check heat pump and boiler; reduce heat demand that can wait.",
    ),
    "cold_supply_low": Words(
        "Cold supply low",
        "The cold store is down to its reserve.",
        "Chillers run at full load whatever cold costs; demand may not be met.",
        "Check the chillers; reduce cooling demand that can wait.",
    ),
    "hydrogen_supply_low": Words(
        "Hydrogen supply low",
        "The hydrogen tank is down to its reserve.",
        "The electrolyser runs at full load whatever power costs; demand may not be met.",
        "Check the electrolyser; reduce hydrogen demand that can wait.",
    ),
    "fallback_plan": Words(
        "Fallback plan",
        "There is no fresh plan of the optimiser.",
        "The park is run by an older or simpler plan; it costs more than it must.",
        "See the planner's message; check forecasts, limits and the solver.",
    ),
    "demand_not_met": Words(
        "Demand not met",
        "No plan can keep every limit and meet every demand.",
        "Even the best plan leaves a limit or a demand open in the hours named.",
        "Bring lost assets back, or reduce the demand that can wait.",
    ),
    "tariff_missing": Words(
        "Tariff missing",
        "No tariff of the site is valid today.",
        "Nothing can be planned or priced; local rules keep every limit.",
        "Add a tariff file that is valid today, and check the clock of the box.",
    ),
    "planner_lost": Words(
        "Planner lost",
        "The process that makes the plans has ended.",
        "No new plans until it is back; the last plan goes on.",
        "It is restarted by itself; if it does not stay up, look at the log and the memory.",
    ),
    "plan_refused": Words(
        "Plan refused",
        "A plan did not pass its check.",
        "A plan that breaks its own balance was not used; the last one goes on.",
        "Keep the log: a refused plan is a fault of the program, not of the park.",
    ),
    "influxdb_down": Words(
        "InfluxDB down",
        "InfluxDB takes no records.",
        "Records wait on the local disk and are sent later; nothing is lost yet.",
        "Check the database, its address, bucket and token.",
    ),
    "telemetry_lost": Words(
        "Telemetry lost",
        "Records could not be kept.",
        "Records are dropped or cannot be written.",
        "Check the disk of the box, or bring InfluxDB back.",
    ),
    "state_not_saved": Words(
        "State not saved",
        "The state file cannot be written.",
        "After a restart the month's peak and the timers would be old.",
        "Check the disk of the box and the rights on the state folder.",
    ),
    "audit_not_kept": Words(
        "Audit not kept",
        "The audit of writes and operators' actions cannot be written.",
        "Its entries wait in memory, some hours of them; what a person asks for is still done.",
        "Check the disk of the box and the rights on the state folder.",
    ),
    "cycle_overrun": Words(
        "Cycle overrun",
        "A cycle took longer than its period.",
        "The controller reacts later than it should.",
        "Look for a slow device, or give the box more processor.",
    ),
    "clock_jumped": Words(
        "Clock jumped",
        "The calendar moved against the elapsed time.",
        "Tariff hours and records follow the new time; setpoints do not jump.",
        "Check the time service of the box.",
    ),
    "internal_error": Words(
        "Internal error",
        "A part of the controller has failed.",
        "A part of the controller failed and was started again; devices keep their watchdogs.",
        "Keep the log and report it, then reset the alarm: this is a fault of the program.",
    ),
    "request_damaged": Words(
        "Request damaged",
        "A file with an operator's request cannot be read.",
        "What it asks for, an override or an answer to an alarm, is not in force.",
        "Say it again, or delete the file in the state folder.",
    ),
    "alarm_flood": Words(
        "Alarm flood",
        "More alarms came within ten minutes than a person can take in.",
        "Single alarms are easily overlooked.",
        "Begin with the oldest of high priority: it often explains the others.",
    ),
}
