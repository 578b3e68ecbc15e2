"""Who is decided in the first interval whatever comes, and who follows."""

from __future__ import annotations

from collections.abc import Mapping

from dispatch.forms.form import Form
from dispatch.plan import ELECTRICITY, Situation


def decided_now(forms: Mapping[str, Form], situation: Situation) -> frozenset[str]:
    """The assets that do the same in the first interval of every scenario.

    The connection takes up what comes otherwise on the electric bus, and a store without losses on its own bus. On a
    bus without such a store, or while it is unavailable, what gives to the bus has to follow the load.
    """
    followed = {form.bus for name, form in forms.items() if form.follows and situation.on(name)} | {ELECTRICITY}
    return frozenset(name for name, form in forms.items() if form.decided and followed.issuperset(form.buses))
