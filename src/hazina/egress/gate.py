"""The gate: resolves a target's host and lets through only if every address is permitted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from hazina.egress.addresses import Address, AddressPolicy
from hazina.egress.target import Target


class NotPermitted(Exception):
    """The target is, or resolves to, an address that may not be called; nothing was sent."""


class NotFound(Exception):
    """The target's name has no address."""


class Resolver(Protocol):
    """What looks names up."""

    async def addresses(self, host: str) -> Sequence[Address]:
        """Return all addresses of a name. Raises `OSError`."""


@dataclass(frozen=True, slots=True)
class Gate:
    """Stands before every call to an address that a stranger chose."""

    policy: AddressPolicy
    resolver: Resolver

    async def admit(self, target: Target) -> Sequence[Address]:
        """Return the addresses to connect to, and to no other. Raises `NotPermitted`, `NotFound`.

        One bad address among good ones refuses the target: honest names have none.
        """
        if target.address is not None:
            found: Sequence[Address] = (target.address,)
        elif not self.policy.permits_name(target.host):
            raise NotPermitted
        else:
            try:
                found = await self.resolver.addresses(target.host)
            except OSError as error:
                raise NotFound from error
        if not found:
            raise NotFound
        if not all(self.policy.permits(address) for address in found):
            raise NotPermitted
        return found
