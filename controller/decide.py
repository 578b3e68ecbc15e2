"""The second's decision: follow the plan with the measured grid power, inside every limit. Pure.

Each asset collects bounds from everyone who has a say, by its role (`controller.deciding`); `controller.bounds`
resolves them to a setpoint and the owner that bound it.
"""

from __future__ import annotations

from dataclasses import replace

from config.site import Site
from controller.deciding.roles import in_turn
from controller.deciding.standing import Inputs, Standing
from controller.decision import AssetDecision, Decision
from controller.modes import Mode


def decide(inputs: Inputs) -> Decision:
    """The setpoint of every asset that has one.

    As an island the park has no plan and no prices: its battery's state decides. In SAFE every asset gets its safe
    value; without a plan local rules apply. An asset that cannot be read gets no setpoint.
    """
    snapshot = inputs.snapshot
    turns = in_turn(snapshot.site)
    if inputs.mode in (Mode.SAFE, Mode.STOPPED):
        safe = {name: _safe(snapshot.site, name, inputs.mode) for name, _, _ in turns}
        return Decision(at=snapshot.at, mode=inputs.mode, assets=safe, grid_target_kw=None)
    if inputs.mode is Mode.ISLANDED:
        inputs = replace(inputs, plan=None, prices=None, demand=None, held_back_kw=0.0)
    park = Standing(inputs)
    decided = {}
    for name, asset, role in turns:
        if snapshot.available(name):
            decided[name] = role(park, name, asset)
        else:
            why = snapshot.why_unavailable(name)
            decided[name] = AssetDecision(asset=name, setpoint_kw=None, owner="unavailable", reason=why)
    return Decision(at=snapshot.at, mode=inputs.mode, assets=decided, grid_target_kw=park.grid_target_kw)


_WHY_SAFE = {
    Mode.STOPPED: "controller stops",
    Mode.SAFE: "grid meter cannot be read, or nothing forms the island",
}


def _safe(site: Site, name: str, mode: Mode) -> AssetDecision:
    point = site.setpoint(name)
    assert point is not None
    assert point.setpoint is not None
    reason = _WHY_SAFE[mode]
    return AssetDecision(asset=name, setpoint_kw=point.setpoint.safe, owner="safety", reason=reason)
