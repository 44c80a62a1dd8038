-- name: ledger_trial_balance
SELECT ledger, code, sum(debits_posted) AS debits, sum(credits_posted) AS credits
FROM account
WHERE space IS NULL
GROUP BY ledger, code
HAVING sum(debits_posted) <> 0 OR sum(credits_posted) <> 0
ORDER BY ledger, code;

-- name: ledger_chain_slots
SELECT DISTINCT slot FROM batch ORDER BY slot;

-- name: ledger_chain_page
SELECT sequence, batch_id, digest, previous_hash, hash, committed_at
FROM batch
WHERE slot = %(slot)s AND sequence > %(after)s
ORDER BY sequence
LIMIT %(limit)s;

-- name: ledger_transfers_of_batches
SELECT id, debit_account_id, credit_account_id, amount, ledger, code, flags, pending_id,
       timeout_seconds, reference, entry, sequence, position, created_at, space, client_id,
       user_data_128, user_data_64, user_data_32, metadata, timestamp
FROM transfer
WHERE slot = %(slot)s AND sequence > %(after)s AND sequence <= %(upto)s
ORDER BY sequence, position;

-- name: ledger_openings_of_batches
SELECT id, ledger, code, flags, owner, slot, overdraft, space, client_id, user_data_128,
       user_data_64, user_data_32, metadata, timestamp, opened_slot, opened_sequence,
       opened_position
FROM account
WHERE opened_slot = %(slot)s AND opened_sequence > %(after)s AND opened_sequence <= %(upto)s
ORDER BY opened_sequence, opened_position;

-- name: ledger_failures_of_batches
SELECT id, digest, status, sequence, position
FROM seen
WHERE slot = %(slot)s AND sequence > %(after)s AND sequence <= %(upto)s
ORDER BY sequence, position;

-- name: ledger_accounts_without_batch
SELECT coalesce(a.opened_slot, 0) AS slot, coalesce(a.opened_sequence, 0) AS sequence,
       count(*) AS accounts
FROM account a
WHERE NOT EXISTS (
    SELECT FROM batch b WHERE b.slot = a.opened_slot AND b.sequence = a.opened_sequence
)
GROUP BY a.opened_slot, a.opened_sequence
ORDER BY a.opened_slot, a.opened_sequence;

-- name: ledger_failures_without_batch
SELECT coalesce(s.slot, 0) AS slot, coalesce(s.sequence, 0) AS sequence, count(*) AS failures
FROM seen s
WHERE NOT EXISTS (SELECT FROM batch b WHERE b.slot = s.slot AND b.sequence = s.sequence)
GROUP BY s.slot, s.sequence
ORDER BY s.slot, s.sequence;

-- name: ledger_heads
SELECT DISTINCT ON (slot) slot, sequence, hash, committed_at
FROM batch ORDER BY slot, sequence DESC;

-- name: ledger_batch_hash
SELECT hash FROM batch WHERE slot = %(slot)s AND sequence = %(sequence)s;

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
