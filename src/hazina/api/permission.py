"""What a key may do: publishable keys a few things, restricted keys what their scopes say."""

from __future__ import annotations

from hazina.api.expand import kinds_shown
from hazina.api.route import Route
from hazina.merchants.merchant import Caller
from hazina.merchants.scopes import RESOURCES, allows, resource_of
from hazina.refusals import Code, Refusal

Paths = tuple[tuple[str, ...], ...]


def check_route(caller: Caller, route: Route) -> None:
    """Refuse `secret_key_required` or `permission_missing` before anything of a request is read."""
    if caller.publishable and not route.publishable:
        raise _secret_key_required()
    if caller.scopes is not None:
        _need(caller, route.resource, write=route.method != "GET")


def check_expansion(caller: Caller, route: Route, paths: Paths) -> None:
    """Refuse to show, by expansion, what the key could not retrieve by itself."""
    # The payment method itself, and nothing beyond it: its customer is the merchant's business.
    if caller.publishable and any(path != ("payment_method",) for path in paths):
        raise _secret_key_required()
    if caller.scopes is not None:
        for kind in sorted(kinds_shown(paths, route.answers)):
            _need(caller, resource_of(kind.removesuffix("_list")), write=False)


def _need(caller: Caller, resource: str, *, write: bool) -> None:
    assert caller.scopes is not None
    if allows(caller.scopes, resource, write):
        return
    shown = f"The restricted key '{caller.key_shown}' does not have the required permission: "
    if resource in RESOURCES:
        needs = f"it needs the scope {resource}={'write' if write else 'read'}. "
        instead = "Use a key that has it."
    else:
        needs = "no scope allows this. "
        instead = "Use a secret key."
    raise Refusal(Code.PERMISSION_MISSING, shown + needs + instead)


def _secret_key_required() -> Refusal:
    return Refusal(
        Code.SECRET_KEY_REQUIRED,
        "This API call cannot be made with a publishable API key. Please use a secret API key.",
    )
