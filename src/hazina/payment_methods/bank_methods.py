"""Payment methods of a bank: an account that is debited, and a customer's bank transfers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from hazina.payment_methods import test_ibans
from hazina.payment_methods.card import Fingerprints
from hazina.refusals import Code, Refusal
from hazina.secrets import Concealed


@dataclass(frozen=True, slots=True)
class SepaDebit:
    """One bank account. There is no field for an IBAN, and there must never be one.

    `behaviour` is the test method whose name the provider is given.
    """

    behaviour: str
    bank_code: str
    branch_code: str | None
    country: str
    fingerprint: str
    last4: str

    def details(self) -> dict[str, Any]:
        """Return what may be shown of the account."""
        return {
            "bank_code": self.bank_code, "branch_code": self.branch_code, "country": self.country,
            "fingerprint": self.fingerprint, "last4": self.last4,
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class CustomerBalance:
    """What the customer sends by bank transfer. It has no details, and no provider is asked."""

    behaviour: str = "customer_balance"

    def details(self) -> dict[str, Any]:
        """Return what may be shown of it: nothing."""
        return {}


def sepa_debit_from_iban(iban: Concealed, account_id: str, fingerprints: Fingerprints) -> SepaDebit:
    """Return the account whose IBAN a client sent, in test mode.

    Refuses `invalid_bank_account_iban`, also an IBAN that is no public test IBAN.
    """
    if not test_ibans.passes_check(iban.value):
        raise _refusal("The IBAN you provided is invalid: its check digits are wrong.")
    behaviour = test_ibans.find(iban.value)
    if behaviour is None:
        raise _refusal(
            "Your request was in test mode, but used an IBAN that is no public test IBAN. Use one "
            "of those that docs.stripe.com/payments/sepa-debit lists, such as the German one that "
            "ends in 3000."
        )
    bank, branch = test_ibans.bank_and_branch(iban.value)
    return SepaDebit(
        behaviour=behaviour, bank_code=bank, branch_code=branch, country=iban.value[:2],
        fingerprint=fingerprints.of_iban(account_id, iban.value), last4=iban.value[-4:],
    )  # fmt: skip


def _refusal(message: str) -> Refusal:
    return Refusal(Code.INVALID_BANK_ACCOUNT_IBAN, message, param="sepa_debit[iban]")


def to_json(account: SepaDebit) -> dict[str, Any]:
    """Return what is stored of an account."""
    return asdict(account)


def from_json(stored: Mapping[str, Any]) -> SepaDebit:
    """Read a stored account."""
    return SepaDebit(**stored)
