"""Parameters of the stream of events."""

from __future__ import annotations

from hazina.api.params.kinds import Boolean, Fields, Items, Param, Text
from hazina.api.params.parts import ID

_TYPES = Items(Text(length_max=100), count_max=20, count_min=1)
STREAM = Fields(
    {
        "after": Param(
            ID,
            about="The last `id` that came, as the header Last-Event-ID has it too.",
        ),
        "follow": Param(Boolean(), about="false: end when all that is there was sent."),
        "types": Param(_TYPES),
    }
)
