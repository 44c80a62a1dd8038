"""Stripe's public test card numbers, and the test payment method that each stands for.

They are no secrets and belong to nobody: docs.stripe.com/testing prints them. No other number gets
past `find`, and not even these are stored.
"""

from __future__ import annotations

from functools import cache

from hazina.payment_methods.test_methods import TestMethod
from hazina.payment_methods.test_methods import find as find_method

_NUMBERS = """
4242424242424242 visa                          4000056655665556 visa_debit
5555555555554444 mastercard                    2223003122003222 mastercard
5200828282828210 mastercard_debit              5105105105105100 mastercard_prepaid
371449635398431  amex                          378282246310005  amex_threeDSecureNotSupported
6011000990139424 discover                      6011111111111117 discover
6011981111111113 discover                      6205500000000000004 unionpay
3056930009020004 diners                        36227206271667   diners
3566002020360505 jcb                           6200000000000005 unionpay
4000002500001001 visa_cartesBancaires          5555552500001001 mastercard_cartesBancaires
4000000320000021 ar    4000000760000002 br     4000001240000000 ca   4000001520000001 cl
4000001700000003 co    4000001880000005 cr     4000002180000000 ec   4000004840008001 mx
4000005910000000 pa    4000006000000066 py     4000006040000068 pe   4000008580000003 uy
4000007840000001 ae    4000000400000008 at     4000000560000004 be   4000001000000000 bg
4000001120000005 by    4000001910000009 hr     4000001960000008 cy   4000002030000002 cz
4000002080000001 dk    4000002330000009 ee     4000002460000001 fi   4000002500000003 fr
4000002760000016 de    4000002920000005 gi     4000003000000030 gr   4000003480000005 hu
4000003720000005 ie    4000003800000008 it     4000004280000005 lv   4000004380000004 li
4000004400000000 lt    4000004420000006 lu     4000004700000007 mt   4000005280000002 nl
4000005780000007 no    4000006160000005 pl     4000006200000007 pt   4000006420000001 ro
4000006820000007 sa    4000007050000006 si     4000007030000001 sk   4000007240000007 es
4000007520000008 se    4000007560000009 ch     4000008260000000 gb   4000058260000005 gb_debit
4000000360000006 au    4000001560000002 cn     4000003440000004 hk   4000003560000008 in
4000003920000003 jp    4000004580000002 my     4000005540000008 nz   4000007020000003 sg
4000001580000008 tw    4000007640000003 th_credit                    4000057640000008 th_debit
4000000000000002 chargeDeclined                4000000000009995 chargeDeclinedInsufficientFunds
4000000000009987 chargeDeclinedLostCard        4000000000009979 chargeDeclinedStolenCard
4000000000000069 chargeDeclinedExpiredCard     4000000000000127 chargeDeclinedIncorrectCvc
4000000000000119 chargeDeclinedProcessingError
4000000000006975 chargeDeclinedVelocityLimitExceeded
4000000000000341 chargeCustomerFail            4100000000000019 radarBlock
4000000000004954 riskLevelHighest              4000000000009235 riskLevelElevated
4000000000000101 cvcCheckFail                  4000000000000010 avsFail
4000000000000028 avsLine1Fail                  4000000000000036 avsZipFail
4000000000000044 avsUnchecked                  4000000000000259 createDispute
4000000000002685 createDisputeProductNotReceived
4000000000001976 createDisputeInquiry          4000000000005423 createIssuerFraudRecord
4000000404000079 createMultipleDisputes        4000000000000077 bypassPending
4000003720000278 bypassPendingInternational    4000000000007726 pendingRefund
4000000000005126 refundFail                    4000002760003184 authenticationRequired
4000002500003155 authenticationRequiredOnSetup
4000003800000446 authenticationRequiredSetupForOffSession
4000008260003178 authenticationRequiredChargeDeclinedInsufficientFunds
4000000000003220 threeDSecure2Required         4000000000003063 threeDSecureRequired
4000008400001629 threeDSecureRequiredChargeDeclined
4000008400001280 threeDSecureRequiredProcessingError
4000000000003055 threeDSecureOptional          4000000000003097 threeDSecureOptionalProcessingError
"""


@cache
def all_numbers() -> dict[str, TestMethod]:
    """Return the test method of each public test number."""
    words = _NUMBERS.split()
    found = {}
    for number, name in zip(words[::2], words[1::2], strict=True):
        method = find_method(f"pm_card_{name}")
        assert method is not None, f"{name} is no test method"
        found[number] = method
    return found


def find(number: str) -> TestMethod | None:
    """Return the test method that a number stands for, or None."""
    return all_numbers().get(number)


@cache
def _first_numbers() -> dict[tuple[str, str, str, str], str]:
    found: dict[tuple[str, str, str, str], str] = {}
    for number, method in all_numbers().items():
        if number.endswith(method.last4):
            found.setdefault(_face(method), number)
    return found


def identity(method: TestMethod) -> str:
    """Return what a test method's fingerprint is made of: its number where it has one.

    So `pm_card_visa` and the number that ends in 4242 have one fingerprint.
    """
    face = _face(method)
    return _first_numbers().get(face) or " ".join(face)


def _face(method: TestMethod) -> tuple[str, str, str, str]:
    return (method.brand, method.last4, method.funding, method.country)


def passes_luhn(digits: str) -> bool:
    """Tell whether the last digit is the check digit of the others (ISO/IEC 7812-1)."""
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit) * (1 + place % 2)
        total += value - 9 if value > 9 else value
    return total % 10 == 0
