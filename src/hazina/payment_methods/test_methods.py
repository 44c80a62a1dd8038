"""Stripe's public test payment methods: what the core shows of each.

How a payment with one of them goes is the provider's business, not this table's. The methods
named after disputes are approved like any other; no dispute is opened. Only last four digits are
kept, from docs.stripe.com/testing.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from hashlib import blake2b

EXP_MONTH = 12
EXP_YEAR = 2034


@dataclass(frozen=True, slots=True)
class TestMethod:
    """One test card, as a PaymentMethod of type card shows it."""

    id: str
    """`pm_card_visa`; also what a provider in test mode is given."""
    token: str
    """`tok_visa`, the older name of the same card."""
    brand: str
    last4: str
    funding: str = "credit"
    country: str = "US"
    exp_month: int = EXP_MONTH
    exp_year: int = EXP_YEAR
    three_d_secure: bool = True
    """Whether the card supports 3-D Secure."""
    bypass_pending: bool = False
    """Whether its money is available at once."""

    # Not a test case, whatever its name looks like to a test collector.
    __test__ = False

    @property
    def fingerprint(self) -> str:
        """Return the same 16 letters and digits for the same card, whoever shows it."""
        card = f"{self.brand} {self.last4} {self.funding} {self.country}"
        return blake2b(card.encode(), digest_size=8).hexdigest()


_BRANDS = """
visa                            visa        4242  credit   US
visa_debit                      visa        5556  debit    US
visa_prepaid                    visa        0057  prepaid  US
visa_cartesBancaires            visa        1001  credit   FR
mastercard                      mastercard  4444  credit   US
mastercard_debit                mastercard  8210  debit    US
mastercard_prepaid              mastercard  5100  prepaid  US
mastercard_cartesBancaires      mastercard  1001  credit   FR
amex                            amex        8431  credit   US
amex_threeDSecureNotSupported   amex        0005  credit   US
discover                        discover    9424  credit   US
diners                          diners      0004  credit   US
jcb                             jcb         0505  credit   JP
unionpay                        unionpay    0005  credit   CN
gb_debit                        visa        0005  debit    GB
th_credit                       visa        0003  credit   TH
th_debit                        visa        0008  debit    TH
"""

_BEHAVIOURS = """
chargeDeclined                                         0002
chargeDeclinedInsufficientFunds                        9995
chargeDeclinedLostCard                                 9987
chargeDeclinedStolenCard                               9979
chargeDeclinedExpiredCard                              0069
chargeDeclinedIncorrectCvc                             0127
chargeDeclinedProcessingError                          0119
chargeDeclinedFraudulent                               0019
chargeDeclinedVelocityLimitExceeded                    6975
visa_chargeDeclined                                    0002
visa_chargeDeclinedInsufficientFunds                   9995
visa_chargeDeclinedLostCard                            9987
visa_chargeDeclinedStolenCard                          9979
visa_chargeDeclinedExpiredCard                         0069
visa_chargeDeclinedIncorrectCvc                        0127
visa_chargeDeclinedProcessingError                     0119
visa_chargeDeclinedFraudulent                          0019
visa_chargeDeclinedVelocityLimitExceeded               6975
chargeCustomerFail                                     0341
radarBlock                                             0019
riskLevelHighest                                       4954
riskLevelElevated                                      9235
cvcCheckFail                                           0101
avsFail                                                0010
avsLine1Fail                                           0028
avsZipFail                                             0036
avsUnchecked                                           0044
createDispute                                          0259
createDisputeProductNotReceived                        2685
createDisputeInquiry                                   1976
createMultipleDisputes                                 0079
createIssuerFraudRecord                                5423
bypassPending                                          0077
bypassPendingInternational                             0278
pendingRefund                                          7726
refundFail                                             5126
authenticationRequired                                 3184
authenticationRequiredOnSetup                          3155
authenticationRequiredSetupForOffSession               0446
authenticationRequiredChargeDeclinedInsufficientFunds  3178
threeDSecure2Required                                  3220
threeDSecureRequired                                   3063
threeDSecureRequiredChargeDeclined                     1629
threeDSecureRequiredProcessingError                    1280
threeDSecureOptional                                   3055
threeDSecureOptionalProcessingError                    3097
"""

_COUNTRIES = """
us 4242 ar 0021 br 0002 ca 0000 cl 0001 co 0003 cr 0005 ec 0000 mx 8001 pa 0000 py 0066 pe 0068
uy 0003 ae 0001 at 0008 be 0004 bg 0000 by 0005 hr 0009 cy 0008 cz 0002 dk 0001 ee 0009 fi 0001
fr 0003 de 0016 gi 0005 gr 0030 hu 0005 ie 0005 it 0008 lv 0005 li 0004 lt 0000 lu 0006 mt 0007
nl 0002 no 0007 pl 0005 pt 0007 ro 0001 sa 0007 si 0006 sk 0001 es 0007 se 0008 ch 0009 gb 0000
au 0006 cn 0002 hk 0004 in 0008 jp 0003 my 0002 nz 0008 sg 0003 tw 0008
"""


def _method(name: str, brand: str, last4: str, funding: str, country: str) -> TestMethod:
    return TestMethod(
        id=f"pm_card_{name}",
        token=f"tok_{name}",
        brand=brand,
        last4=last4,
        funding=funding,
        country=country,
        three_d_secure=not name.endswith("threeDSecureNotSupported"),
        bypass_pending=name.startswith("bypassPending"),
    )


def _all() -> list[TestMethod]:
    found = []
    for line in _BRANDS.split("\n"):
        if line:
            name, brand, last4, funding, country = line.split()
            found.append(_method(name, brand, last4, funding, country))
    for line in _BEHAVIOURS.split("\n"):
        if line:
            name, last4 = line.split()
            country = "IE" if name == "bypassPendingInternational" else "US"
            found.append(_method(name, "visa", last4, "credit", country))
    words = _COUNTRIES.split()
    for code, last4 in zip(words[::2], words[1::2], strict=True):
        found.append(_method(code, "visa", last4, "credit", code.upper()))
    return found


@cache
def all_methods() -> dict[str, TestMethod]:
    """Return every test method under its id and under its token."""
    methods = _all()
    return {m.id: m for m in methods} | {m.token: m for m in methods}


def find(name: str) -> TestMethod | None:
    """Return the test method that `pm_card_...` or `tok_...` names, or None."""
    return all_methods().get(name)
