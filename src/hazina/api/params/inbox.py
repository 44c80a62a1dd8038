"""Parameters of the operator's inbox."""

from __future__ import annotations

from hazina.api.params.kinds import Choice, Fields, Integer, Param
from hazina.api.params.parts import ID

SHOW = Fields(
    {
        "state": Param(Choice(("parked", "quarantined", "received"))),
        "limit": Param(Integer(minimum=1, maximum=100), about="10 by default."),
    }
)
REPLAY = Fields({"callback": Param(ID, about="By default the oldest hundred.")})
