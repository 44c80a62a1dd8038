-- name: ledger_trial_balance
SELECT ledger, code, sum(debits_posted) AS debits, sum(credits_posted) AS credits
FROM account
GROUP BY ledger, code
HAVING sum(debits_posted) <> 0 OR sum(credits_posted) <> 0
ORDER BY ledger, code;

-- name: ledger_chain_slots
SELECT slot FROM batch UNION SELECT slot FROM transfer ORDER BY slot;

-- name: ledger_chain_page
SELECT sequence, digest, previous_hash, hash, committed_at
FROM batch
WHERE slot = %(slot)s AND sequence > %(after)s
ORDER BY sequence
LIMIT %(limit)s;

-- name: ledger_transfers_of_batches
SELECT id, debit_account_id, credit_account_id, amount, ledger, code, flags, pending_id,
       timeout_seconds, reference, entry, sequence, position, created_at
FROM transfer
WHERE slot = %(slot)s AND sequence > %(after)s AND sequence <= %(upto)s
ORDER BY sequence, position;

-- name: ledger_transfers_without_batch
SELECT t.slot, t.sequence, count(*) AS transfers
FROM transfer t
WHERE NOT EXISTS (SELECT FROM batch b WHERE b.slot = t.slot AND b.sequence = t.sequence)
GROUP BY t.slot, t.sequence
ORDER BY t.slot, t.sequence;

-- name: ledger_entry
SELECT id, debit_account_id, credit_account_id, amount, ledger, code, flags, pending_id, entry,
       reference, slot, sequence, position, created_at
FROM transfer
WHERE id = ANY (%(ids)s)
ORDER BY slot, sequence, position;

-- name: ledger_account_history
SELECT line, transfer_id, amount, debits_pending, debits_posted, credits_pending, credits_posted
FROM account_history
WHERE account_id = %(account_id)s AND line > %(after)s
ORDER BY line
LIMIT %(limit)s;
