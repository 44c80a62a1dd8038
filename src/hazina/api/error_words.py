"""What each error code means and what to do about it, for the pages that explain them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from hazina.refusals import Code


@dataclass(frozen=True, slots=True)
class Words:
    """One code explained; `message` and the rest are an example of how it comes."""

    meaning: str
    remedy: str
    message: str
    param: str | None = None
    details: dict[str, Any] = field(default_factory=dict)


WORDS: dict[Code, Words] = {
    Code.PARAMETER_INVALID: Words(
        "A parameter has a value of the wrong kind, or one that is not allowed.",
        "Change the parameter that `param` names; the message says what it takes.",
        "Invalid value for capture_method: send one of automatic, manual.",
        "capture_method",
    ),
    Code.PARAMETER_INVALID_INTEGER: Words(
        "A number is not a whole number, or is too small or too large.",
        "Send whole digits within the limits. Amounts are in the currency's minor unit.",
        "This value must be greater than or equal to 1. (amount)",
        "amount",
    ),
    Code.PARAMETER_INVALID_EMPTY: Words(
        "A parameter that cannot be unset was sent empty.",
        "Leave the parameter out, or give it a value.",
        "You passed an empty string for 'currency'. We assume empty values are an attempt to unset "
        "a field; however 'currency' cannot be unset. You should remove 'currency' from your "
        "request or supply a non-empty value.",
        "currency",
    ),
    Code.PARAMETER_MISSING: Words(
        "A parameter that is needed was not sent.",
        "Send the parameter that `param` names.",
        "Missing required param: amount.",
        "amount",
    ),
    Code.PARAMETER_UNKNOWN: Words(
        "Neither Hazina nor Stripe knows a parameter of this name here. Nothing is ignored in "
        "silence, so that a misspelt name cannot change what a payment does.",
        "Correct the name, or leave the parameter out.",
        "Received unknown parameter: curency. Did you mean currency?",
        "curency",
    ),
    Code.NOT_SUPPORTED: Words(
        "Stripe's API has what was asked for; Hazina does not support it, or not yet.",
        "Do what the message says instead, or leave the parameter out. The page on compatibility "
        "lists what is supported.",
        "Hazina does not support the parameter transfer_data yet: accounts are separate merchants "
        "here, so make the request with that merchant's key.",
        "transfer_data",
    ),
    Code.AMOUNT_TOO_SMALL: Words(
        "The amount is below the smallest that can be charged in the currency.",
        "Charge at least the amount that the message names.",
        "Amount must be at least 50 in the minor unit of usd.",
        "amount",
    ),
    Code.AMOUNT_TOO_LARGE: Words(
        "The amount is above the largest that can be charged at once.",
        "Charge less, or in several payments.",
        "Amount must be no more than 99999999 in the minor unit of usd.",
        "amount",
    ),
    Code.CURRENCY_INVALID: Words(
        "The currency is no three-letter code of ISO 4217, or none in which payments are made.",
        "Send a code such as kes, ngn or usd.",
        "Invalid currency: use a three-letter lower-case ISO 4217 code such as kes or usd.",
        "currency",
    ),
    Code.RESOURCE_MISSING: Words(
        "There is no such object, or it belongs to another merchant or to the other mode.",
        "Check the id, and that the key is of the same merchant and mode as the object.",
        "No such payment_intent: 'pi_absent'",
        "intent",
    ),
    Code.API_KEY_INVALID: Words(
        "No API key was sent, or none that exists.",
        "Send `Authorization: Bearer KEY`, or Basic with the key as user name.",
        "Invalid API key provided.",
    ),
    Code.API_KEY_EXPIRED: Words(
        "The API key was revoked.",
        "Use a key that is still valid, and make a new one if there is none.",
        "This API key was revoked: sk_test_...0000. Use a key that is still valid.",
    ),
    Code.SECRET_KEY_REQUIRED: Words(
        "A publishable key was used where a secret key is needed.",
        "Make the request from your server with a secret key.",
        "This API call cannot be made with a publishable API key. Please use a secret API key.",
    ),
    Code.PERMISSION_MISSING: Words(
        "A restricted key was used for something that its scopes do not include.",
        "Use a key with the scope that the message names, or a secret key.",
        "The restricted key 'rk_test_***0000' does not have the required permission: it needs the "
        "scope refunds=write. Use a key that has it.",
    ),
    Code.ACCOUNT_INVALID: Words(
        "The account in Stripe-Account or in the address is not there in this mode, or is not "
        "connected to the key's platform.",
        "Use the id of an account that your platform made, with a key of the same mode.",
        "The provided key 'sk_test_***0000' does not have access to account 'acct_absent' (or that "
        "account does not exist). Application access may have been revoked. Use an account that "
        "this platform made, in this mode.",
    ),
    Code.ACCOUNT_CHARGES_DISABLED: Words(
        "The account was rejected by its platform and takes no new payments.",
        "Ask the platform. What was paid before can still be refunded.",
        "The account acct_rejected was rejected by its platform and cannot take payments. What it "
        "was paid before can still be refunded; ask the platform.",
    ),
    Code.PLATFORM_ACCOUNT_REQUIRED: Words(
        "Only a platform has connected accounts.",
        "Ask the operator of your installation to make your account a platform.",
        "Only a platform can create, list and reject connected accounts. Ask the operator of this "
        "installation to make your account a platform.",
    ),
    Code.RATE_LIMIT: Words(
        "The key has sent more requests than it may in a short time. Nothing was done.",
        "Wait as long as the header Retry-After says, then send it again; official clients do. "
        "Spread requests out, or ask the operator for a higher limit.",
        "Request rate limit exceeded: this key sends more requests than it may. Nothing was done; "
        "send it again in 1 s.",
    ),
    Code.BODY_INVALID: Words(
        "The body is not a form or a JSON object in UTF-8, or parameters contradict each other.",
        "Send application/x-www-form-urlencoded or application/json, each name once.",
        "Invalid request body: send it as Content-Type application/x-www-form-urlencoded or "
        "application/json.",
    ),
    Code.BODY_TOO_LARGE: Words(
        "The body is larger than any request can be.",
        "Send less; details of an order belong into your own database.",
        "The request body is larger than 1048576 bytes.",
    ),
    Code.ROUTE_UNKNOWN: Words(
        "Neither Hazina nor Stripe has anything at this address.",
        "Correct the path; /docs lists the routes.",
        "Unrecognized request URL (POST: /v1/payment_intent). Did you mean /v1/payment_intents? "
        "See /docs for the routes that exist.",
    ),
    Code.ROUTE_NOT_SUPPORTED: Words(
        "Stripe's API has this endpoint; Hazina does not, or not yet. Nothing was done.",
        "Use the nearest thing, which the message names, or do without. The page on compatibility "
        "lists every endpoint.",
        "Hazina does not have POST /v1/subscriptions of Stripe's API yet; nothing was done. The "
        "nearest thing here is POST /v1/payment_intents; see /docs.",
    ),
    Code.METHOD_NOT_ALLOWED: Words(
        "The address exists and does not take this method.",
        "Use one of the methods that the message and the header Allow name.",
        "This URL does not take PUT; it takes GET, POST.",
    ),
    Code.IDEMPOTENCY_KEY_REUSED: Words(
        "The idempotency key was used for another request before.",
        "Take a new key for a new request; repeat a request with the very same parameters.",
        "Keys for idempotent requests can only be used with the same parameters they were first "
        "used with. Try using a key other than 'order-7' if you meant to execute a different "
        "request.",
    ),
    Code.IDEMPOTENCY_KEY_IN_USE: Words(
        "A request with this idempotency key is still under way.",
        "Send it again in a moment; official clients do so by themselves.",
        "There is currently another in-progress request using this Idempotency Key. Try the same "
        "request again shortly, with the same key.",
    ),
    Code.LOCK_TIMEOUT: Words(
        "Others changed the same object again and again meanwhile. Nothing was done.",
        "Send the request again, and make fewer requests for one object at once.",
        "This object is being changed by other requests. Send the request again.",
    ),
    Code.OVERLOADED: Words(
        "More requests came than can be served. Nothing was done.",
        "Send it again after the seconds that Retry-After names.",
        "More requests came than can be served now; nothing was done. Send it again in a second.",
    ),
    Code.INTERNAL: Words(
        "Something of ours failed. Whether anything was done is not known from this answer.",
        "Send the request again with the same idempotency key, which never does it twice; without "
        "a key, read the object first. Tell the operator the id in the message.",
        "Something went wrong on our side. It is logged as req_1; with an Idempotency-Key the "
        "request can be sent again safely.",
    ),
    Code.PAYMENT_INTENT_UNEXPECTED_STATE: Words(
        "The payment intent's status does not allow this.",
        "Read `payment_intent.status` in the error, and do what that status allows.",
        "This payment intent could not be captured because it has a status of succeeded. Only one "
        "that is requires_capture can be captured.",
    ),
    Code.PAYMENT_METHOD_UNKNOWN: Words(
        "The payment method cannot be used for this.",
        "Use a payment method of the merchant's; in test mode pm_card_visa always works.",
        "There is no test payment method of this name. Use one such as pm_card_visa.",
        "payment_method",
    ),
    Code.PAYMENT_METHOD_UNEXPECTED_STATE: Words(
        "The payment method was detached, or another customer has it, or none does.",
        "Use a payment method that the customer keeps, or create another from the same card.",
        "The provided PaymentMethod was detached from a Customer. It may not be used again: create "
        "another from the same card.",
        "payment_method",
    ),
    Code.SETUP_INTENT_UNEXPECTED_STATE: Words(
        "The setup intent is in a state in which this cannot be done.",
        "Retrieve it and go by its `status`.",
        "You cannot confirm this SetupIntent because it has a status of succeeded. Only a "
        "SetupIntent with one of the following statuses may be used for this: "
        "requires_confirmation, requires_payment_method.",
    ),
    Code.SETUP_INTENT_AUTHENTICATION_FAILED: Words(
        "The customer did not authenticate the setup. It stands in `last_setup_error`.",
        "Ask the customer to try again, or for another payment method.",
        "The customer did not complete the authentication. Provide a payment method and confirm "
        "again.",
    ),
    Code.TOKEN_ALREADY_USED: Words(
        "A token works once, and this one was used.",
        "Create another token from the card.",
        "You cannot use a token more than once: tok_1. Create another.",
        "token",
    ),
    Code.OPERATION_IN_PROGRESS: Words(
        "The provider is still being asked for something about the same payment.",
        "Send the request again when that is settled: read the object, or wait for its webhook.",
        "You cannot capture pi_1 while its void is in progress. Retrieve it in a moment and try "
        "again.",
    ),
    Code.CHARGE_ALREADY_REFUNDED: Words(
        "Everything that was captured has been given back.",
        "Nothing is left to refund; list the charge's refunds to see them.",
        "Charge ch_1 has already been refunded.",
    ),
    Code.CHARGE_ALREADY_CAPTURED: Words(
        "The charge was captured before.",
        "Nothing is left to do; to give money back, make a refund.",
        "Charge ch_1 has already been captured.",
    ),
    Code.CHARGE_EXPIRED_FOR_CAPTURE: Words(
        "The authorization is no longer held: it was canceled, or its seven days are over.",
        "Make a new charge, or confirm a new payment intent.",
        "The authorization of charge ch_1 was released: it was canceled or it expired. Make a new "
        "charge.",
    ),
    Code.CHARGE_NOT_CAPTURABLE: Words(
        "The charge did not succeed and holds no money.",
        "Make a new charge with another card.",
        "Charge ch_1 is failed and holds no money. Make a new charge.",
    ),
    Code.CHARGE_NOT_REFUNDABLE: Words(
        "The charge took no money, so none can be given back.",
        "Cancel an authorization that was not captured; leave a failed charge alone.",
        "Charge ch_1 has no captured money to refund. Cancel its PaymentIntent to release an "
        "authorization; one that was made without a PaymentIntent is released by itself seven days "
        "after it was made.",
        "charge",
    ),
    Code.REFUND_EXCEEDS_CHARGE: Words(
        "The refund is larger than what is left of the charge.",
        "Refund at most the amount that the message names, or leave amount out for all that is "
        "left.",
        "Refund amount (1501) is greater than unrefunded amount on charge (1500). Create a smaller "
        "refund.",
        "amount",
    ),
    Code.REFUND_NOT_CANCELABLE: Words(
        "The refund is on its way, or decided, and cannot be taken back.",
        "To have the money again, take another payment.",
        "Refund re_1 cannot be canceled because it has a status of succeeded. Only a refund that "
        "waits for the customer's action can be, and card refunds never do.",
    ),
    Code.CAPTURE_EXCEEDS_AUTHORIZATION: Words(
        "More was to be captured than is authorized.",
        "Capture at most `amount_capturable`.",
        "The requested capture amount (6000) is greater than the amount that can be captured "
        "(5000). Capture that or less.",
        "amount_to_capture",
    ),
    Code.BALANCE_INSUFFICIENT: Words(
        "The merchant's balance does not cover this.",
        "Wait until more payments have come in, or agree on an overdraft with the operator.",
        "Your balance in usd does not cover this refund of ch_1. Wait for more payments to arrive, "
        "or refund a smaller amount.",
        "amount",
    ),
    Code.CARD_DECLINED: Words(
        "The card was declined. `decline_code` is our reason; `network_decline_code` and "
        "`advice_code`, where there are any, are the card network's.",
        "Ask the customer for another payment method, and show no reason that could help a thief.",
        "Your card was declined.",
        details={"decline_code": "insufficient_funds"},
    ),
    Code.EXPIRED_CARD: Words(
        "The card has expired.",
        "Ask the customer for another card.",
        "Your card has expired.",
        details={"decline_code": "expired_card"},
    ),
    Code.INCORRECT_CVC: Words(
        "The card's security code is wrong.",
        "Ask the customer for the code again, or for another card.",
        "Your card's security code is incorrect.",
        details={"decline_code": "incorrect_cvc"},
    ),
    Code.INCORRECT_NUMBER: Words(
        "The card's number is wrong.",
        "Ask the customer for the number again, or for another card.",
        "Your card number is incorrect.",
        details={"decline_code": "incorrect_number"},
    ),
    Code.INVALID_CVC: Words(
        "The card's security code has the wrong length, or is no number.",
        "Ask the customer for the three digits on the card; American Express has four.",
        "Your card's security code is invalid.",
        "card[cvc]",
    ),
    Code.INVALID_EXPIRY_MONTH: Words(
        "The card's expiry has no such month, or the month is over.",
        "Ask the customer for the date again, or for another card.",
        "Your card's expiration month is invalid.",
        "card[exp_month]",
    ),
    Code.INVALID_EXPIRY_YEAR: Words(
        "The card has expired, or its expiry is too far away to be one.",
        "Ask the customer for the date again, or for another card.",
        "Your card's expiration year is invalid.",
        "card[exp_year]",
    ),
    Code.PROCESSING_ERROR: Words(
        "The provider proved that it did not do what it was asked to. No money moved.",
        "Try again in a little while, or ask for another payment method.",
        "An error occurred while processing your card. Try again in a little bit.",
        details={"decline_code": "processing_error"},
    ),
    Code.PAYMENT_METHOD_PROVIDER_DECLINE: Words(
        "The customer's bank did not pay what was asked for.",
        "Ask the customer for another payment method.",
        "The customer's bank refused the debit.",
    ),
    Code.INSUFFICIENT_FUNDS: Words(
        "The customer's bank account does not hold enough. Of a card, this is a `decline_code`.",
        "Ask the customer for another payment method, or try again on another day.",
        "The customer's account has insufficient funds to cover this payment.",
    ),
    Code.CHARGE_EXCEEDS_SOURCE_LIMIT: Words(
        "More would be debited from this bank account in a week than is allowed.",
        "Ask the customer for another payment method, or wait a week.",
        "The payment exceeds what may be debited from this account in a week.",
    ),
    Code.CHARGE_EXCEEDS_TRANSACTION_LIMIT: Words(
        "The amount is above what may be debited from this bank account at once.",
        "Ask the customer for another payment method, or for several smaller payments.",
        "The payment exceeds the limit of a single debit of this account.",
    ),
    Code.INVALID_BANK_ACCOUNT_IBAN: Words(
        "The IBAN has wrong check digits, or is none of the public test IBANs.",
        "In test mode, send one of the public test IBANs; there is no bank behind live mode yet.",
        "The IBAN you provided is invalid: its check digits are wrong.",
        "sepa_debit[iban]",
    ),
    Code.PAYMENT_INTENT_INCOMPATIBLE_PAYMENT_METHOD: Words(
        "The payment method is of a type that the payment intent does not accept.",
        "Name its type in `payment_method_types`, or use a payment method of a type named there.",
        "The PaymentMethod provided (sepa_debit) is not allowed for this PaymentIntent. Provide a "
        "PaymentMethod of one of the following types, or name its type in payment_method_types: "
        "card.",
        "payment_method",
    ),
    Code.AUTHENTICATION_REQUIRED: Words(
        "The card's issuer wants its customer to authenticate the payment.",
        "Confirm the payment with the customer present, and send them where `next_action` says.",
        "Your card was declined. This payment requires authentication.",
        details={"decline_code": "authentication_required"},
    ),
    Code.AUTHENTICATION_FAILED: Words(
        "The customer did not authenticate the payment. It stands in `last_payment_error`.",
        "Ask the customer to try again, or for another payment method.",
        "The provided payment method has failed authentication. You can provide a new payment "
        "method to attempt to fulfill this payment intent again.",
    ),
    Code.SEARCH_QUERY_INVALID: Words(
        "A search query does not follow the query language, or names a field, operator or value "
        "that the resource does not have.",
        "Correct the query at the character that the message names.",
        "The search query cannot be read at character 10: a value is expected: text in quotes, as "
        'in "usd", a whole number, or null.',
        "query",
    ),
    Code.SEARCH_TOO_BROAD: Words(
        "A search would have had to look at too many objects, and was given up.",
        "Add a clause that few objects match: a key of metadata, a customer, or bounds of created.",
        "The search had to look at too many objects. Narrow it, for instance by created>, or by a "
        "key of metadata that few objects have.",
        "query",
    ),
    Code.TEST_CLOCK_NOT_READY: Words(
        "A test clock was told to advance while it still advances.",
        "Retrieve the clock until its status is ready, then advance it.",
        "The test clock clock_0 is still advancing. Retrieve it until its status is ready, and "
        "advance it then.",
    ),
    Code.URL_INVALID: Words(
        "An address cannot be used: it is no http or https address, or leads where it may not.",
        "Send an https address that is reachable from the internet; in test mode loopback works "
        "too.",
        "Invalid URL: an https address is needed in live mode.",
        "url",
    ),
    Code.RESOURCE_ALREADY_EXISTS: Words(
        "The id or lookup key that was chosen belongs to another object.",
        "Choose another one; a lookup key moves with transfer_lookup_key=true.",
        "A price (price_...) already uses that lookup key. Send transfer_lookup_key=true to move "
        "the key to this price.",
        "lookup_key",
    ),
    Code.PRODUCT_IN_USE: Words(
        "A product that has prices cannot be deleted.",
        "Set active=false on the product instead.",
        "prod_... cannot be deleted because it has prices; set active=false instead.",
        "id",
    ),
    Code.PRICE_IN_USE: Words(
        "A price that is its product's default price cannot be archived.",
        "Give the product another default price first.",
        "price_... is the default price of prod_... and cannot be archived; give the product "
        "another default price first.",
        "active",
    ),
    Code.LEDGER_REFUSED: Words(
        "Your own ledger refused an account or a transfer; `hazina.ledger_status` says why, "
        "`param` which.",
        "Correct the event. After a failure that may pass, such as exceeds_credits, send it under "
        "a new id, since the old one is answered with id_already_failed from then on.",
        "None was made: transfers[3], transfer 1007, was refused: exceeds_credits.",
        "transfers[3]",
    ),
    Code.CHECKOUT_SESSION_UNEXPECTED_STATE: Words(
        "The checkout session has ended, or its payment is just being booked.",
        "Retrieve it to see how it ended; make a new one to sell again.",
        "Only Checkout Sessions with a status of open can be expired. This one is complete.",
    ),
}
"""Every code has its words; a test demands it."""
