-- name: merchant_accounts
SELECT code, ledger, debits_pending, debits_posted, credits_pending, credits_posted
FROM account WHERE owner = %(merchant_id)s ORDER BY ledger, code;
