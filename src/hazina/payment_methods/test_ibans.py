"""Stripe's public test IBANs, and the test behaviour that each stands for.

They belong to nobody: docs.stripe.com/payments/sepa-debit prints them. No other IBAN gets past
`find`, and not even these are stored.
"""

from __future__ import annotations

from functools import cache

PREFIX = "pm_sepa_debit_"

_IBANS = """
AT611904300234573201 success                  AT321904300235473204 successDelayed
AT861904300235473202 failed                   AT051904300235473205 failedDelayed
AT591904300235473203 disputed                 AT981904300000343434 exceedsWeeklyVolumeLimit
AT601904300000121212 exceedsWeeklyTransactionLimit
AT981904300002222227 insufficientFunds
BE62510007547061 success                      BE78510007547064 successDelayed
BE68539007547034 failed                       BE51510007547065 failedDelayed
BE08510007547063 disputed                     BE90510000343434 exceedsWeeklyVolumeLimit
BE52510000121212 exceedsWeeklyTransactionLimit
BE90510002222227 insufficientFunds
DE89370400440532013000 success                DE08370400440532013003 successDelayed
DE62370400440532013001 failed                 DE78370400440532013004 failedDelayed
DE35370400440532013002 disputed               DE65370400440000343434 exceedsWeeklyVolumeLimit
DE27370400440000121212 exceedsWeeklyTransactionLimit
DE65370400440002222227 insufficientFunds
FI2112345600000785 success                    FI3712345600000788 successDelayed
FI9112345600000786 failed                     FI1012345600000789 failedDelayed
FI6412345600000787 disputed                   FI6712345600343434 exceedsWeeklyVolumeLimit
FI2912345600121212 exceedsWeeklyTransactionLimit
FI6712345602222227 insufficientFunds
FR1420041010050500013M02606 success           FR3020041010050500013M02609 successDelayed
FR8420041010050500013M02607 failed            FR7920041010050500013M02600 failedDelayed
FR5720041010050500013M02608 disputed          FR9720041010050000000343434 exceedsWeeklyVolumeLimit
FR5920041010050000000121212 exceedsWeeklyTransactionLimit
FR9720041010050000002222227 insufficientFunds
IE29AIBK93115212345678 success                IE24AIBK93115212345671 successDelayed
IE02AIBK93115212345679 failed                 IE94AIBK93115212345672 failedDelayed
IE51AIBK93115212345670 disputed               IE10AIBK93115200343434 exceedsWeeklyVolumeLimit
IE69AIBK93115200121212 exceedsWeeklyTransactionLimit
IE10AIBK93115202222227 insufficientFunds
LU280019400644750000 success                  LU440019400644750003 successDelayed
LU980019400644750001 failed                   LU170019400644750004 failedDelayed
LU710019400644750002 disputed                 LU900010000000343434 exceedsWeeklyVolumeLimit
LU520010000000121212 exceedsWeeklyTransactionLimit
LU900010000002222227 insufficientFunds
NL39RABO0300065264 success                    NL55RABO0300065267 successDelayed
NL91ABNA0417164300 failed                     NL28RABO0300065268 failedDelayed
NL82RABO0300065266 disputed                   NL27RABO0000343434 exceedsWeeklyVolumeLimit
"""

_BANK_AND_BRANCH = {
    "AT": (5, 0), "BE": (3, 0), "DE": (8, 0), "FI": (3, 0), "FR": (5, 5), "IE": (4, 6),
    "LU": (3, 0), "NL": (4, 0),
}  # fmt: skip
"""How many characters after the check digits name the bank, and then the branch."""


@cache
def all_ibans() -> dict[str, str]:
    """Return the behaviour of each public test IBAN."""
    words = _IBANS.split()
    return {iban: PREFIX + name for iban, name in zip(words[::2], words[1::2], strict=True)}


def find(iban: str) -> str | None:
    """Return the behaviour that an IBAN stands for, or None."""
    return all_ibans().get(iban)


def bank_and_branch(iban: str) -> tuple[str, str | None]:
    """Return the codes of bank and branch inside a test IBAN."""
    bank, branch = _BANK_AND_BRANCH[iban[:2]]
    return iban[4 : 4 + bank], iban[4 + bank : 4 + bank + branch] or None


def passes_check(iban: str) -> bool:
    """Tell whether the check digits are those of the rest (ISO 13616, ISO/IEC 7064 MOD 97-10)."""
    turned = iban[4:] + iban[:4]
    return int("".join(str(int(character, 36)) for character in turned)) % 97 == 1
