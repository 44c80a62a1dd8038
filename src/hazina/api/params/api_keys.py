"""Parameters of API keys."""

from __future__ import annotations

from hazina.api.params.kinds import Choice, Fields, Integer, Param, Text
from hazina.merchants.scopes import LEVELS, RESOURCES

_GRACE_SECONDS_MAX = 7 * 24 * 3600

CREATE = Fields(
    {
        "type": Param(Choice(("secret", "publishable", "restricted")), required=True),
        "name": Param(Text(length_max=100), about="For you to tell keys apart."),
        "scopes": Param(
            Fields({name: Param(Choice(LEVELS)) for name in RESOURCES}),
            about="What a restricted key may do; to write includes to read.",
        ),
    }
)
END = Fields(
    {
        "grace_seconds": Param(
            Integer(maximum=_GRACE_SECONDS_MAX),
            about="How long the key goes on working; 0 by default, at most a week.",
        )
    }
)
