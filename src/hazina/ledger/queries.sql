-- name: ledger_trial_balance
SELECT ledger, code, sum(debits_posted) AS debits, sum(credits_posted) AS credits
FROM account
WHERE space IS NULL
GROUP BY ledger, code
HAVING sum(debits_posted) <> 0 OR sum(credits_posted) <> 0
ORDER BY ledger, code;

-- name: ledger_trial_balance_of_space
SELECT ledger, code, sum(debits_posted) AS debits, sum(credits_posted) AS credits
FROM account
WHERE space = %(space)s
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

-- name: ledger_lookup_transfers
SELECT t.*, d.client_id AS debit_client_id, c.client_id AS credit_client_id,
       p.client_id AS pending_client_id
FROM transfer t
JOIN account d ON d.id = t.debit_account_id
JOIN account c ON c.id = t.credit_account_id
LEFT JOIN transfer p ON p.id = t.pending_id
WHERE t.id = ANY (%(ids)s::uuid[]) AND t.space = %(space)s AND t.flags & 65536 = 0;

-- name: ledger_account_transfers
SELECT t.*, d.client_id AS debit_client_id, c.client_id AS credit_client_id,
       p.client_id AS pending_client_id, h.line, h.debits_pending, h.debits_posted,
       h.credits_pending, h.credits_posted
FROM account_history h
JOIN transfer t ON t.id = h.transfer_id
JOIN account d ON d.id = t.debit_account_id
JOIN account c ON c.id = t.credit_account_id
LEFT JOIN transfer p ON p.id = t.pending_id
WHERE h.account_id = %(account_id)s
  AND h.timestamp BETWEEN %(timestamp_min)s::bigint AND %(timestamp_max)s::bigint
  AND t.space = %(space)s AND t.flags & 65536 = 0
  AND ((%(debits)s AND t.debit_account_id = h.account_id)
       OR (%(credits)s AND t.credit_account_id = h.account_id))
  AND (%(user_data_128)s::uuid IS NULL OR t.user_data_128 = %(user_data_128)s::uuid)
  AND (%(user_data_64)s::bigint IS NULL OR t.user_data_64 = %(user_data_64)s::bigint)
  AND (%(user_data_32)s::bigint IS NULL OR t.user_data_32 = %(user_data_32)s::bigint)
  AND (%(code)s::integer IS NULL OR t.code = %(code)s::integer)
  AND (%(metadata)s::jsonb IS NULL OR t.metadata @> %(metadata)s::jsonb)
ORDER BY h.timestamp LIMIT %(limit)s;

-- name: ledger_account_transfers_reversed
SELECT t.*, d.client_id AS debit_client_id, c.client_id AS credit_client_id,
       p.client_id AS pending_client_id, h.line, h.debits_pending, h.debits_posted,
       h.credits_pending, h.credits_posted
FROM account_history h
JOIN transfer t ON t.id = h.transfer_id
JOIN account d ON d.id = t.debit_account_id
JOIN account c ON c.id = t.credit_account_id
LEFT JOIN transfer p ON p.id = t.pending_id
WHERE h.account_id = %(account_id)s
  AND h.timestamp BETWEEN %(timestamp_min)s::bigint AND %(timestamp_max)s::bigint
  AND t.space = %(space)s AND t.flags & 65536 = 0
  AND ((%(debits)s AND t.debit_account_id = h.account_id)
       OR (%(credits)s AND t.credit_account_id = h.account_id))
  AND (%(user_data_128)s::uuid IS NULL OR t.user_data_128 = %(user_data_128)s::uuid)
  AND (%(user_data_64)s::bigint IS NULL OR t.user_data_64 = %(user_data_64)s::bigint)
  AND (%(user_data_32)s::bigint IS NULL OR t.user_data_32 = %(user_data_32)s::bigint)
  AND (%(code)s::integer IS NULL OR t.code = %(code)s::integer)
  AND (%(metadata)s::jsonb IS NULL OR t.metadata @> %(metadata)s::jsonb)
ORDER BY h.timestamp DESC LIMIT %(limit)s;

-- name: ledger_query_accounts
SELECT * FROM account
WHERE space = %(space)s
  AND timestamp BETWEEN %(timestamp_min)s::bigint AND %(timestamp_max)s::bigint
  AND (%(ledger)s::bigint IS NULL OR ledger = %(ledger)s::bigint)
  AND (%(user_data_128)s::uuid IS NULL OR user_data_128 = %(user_data_128)s::uuid)
  AND (%(user_data_64)s::bigint IS NULL OR user_data_64 = %(user_data_64)s::bigint)
  AND (%(user_data_32)s::bigint IS NULL OR user_data_32 = %(user_data_32)s::bigint)
  AND (%(code)s::integer IS NULL OR code = %(code)s::integer)
  AND (%(metadata)s::jsonb IS NULL OR metadata @> %(metadata)s::jsonb)
ORDER BY timestamp, id LIMIT %(limit)s;

-- name: ledger_query_accounts_reversed
SELECT * FROM account
WHERE space = %(space)s
  AND timestamp BETWEEN %(timestamp_min)s::bigint AND %(timestamp_max)s::bigint
  AND (%(ledger)s::bigint IS NULL OR ledger = %(ledger)s::bigint)
  AND (%(user_data_128)s::uuid IS NULL OR user_data_128 = %(user_data_128)s::uuid)
  AND (%(user_data_64)s::bigint IS NULL OR user_data_64 = %(user_data_64)s::bigint)
  AND (%(user_data_32)s::bigint IS NULL OR user_data_32 = %(user_data_32)s::bigint)
  AND (%(code)s::integer IS NULL OR code = %(code)s::integer)
  AND (%(metadata)s::jsonb IS NULL OR metadata @> %(metadata)s::jsonb)
ORDER BY timestamp DESC, id DESC LIMIT %(limit)s;

-- name: ledger_query_transfers
SELECT t.*, d.client_id AS debit_client_id, c.client_id AS credit_client_id,
       p.client_id AS pending_client_id
FROM transfer t
JOIN account d ON d.id = t.debit_account_id
JOIN account c ON c.id = t.credit_account_id
LEFT JOIN transfer p ON p.id = t.pending_id
WHERE t.space = %(space)s AND t.flags & 65536 = 0
  AND t.timestamp BETWEEN %(timestamp_min)s::bigint AND %(timestamp_max)s::bigint
  AND (%(ledger)s::bigint IS NULL OR t.ledger = %(ledger)s::bigint)
  AND (%(user_data_128)s::uuid IS NULL OR t.user_data_128 = %(user_data_128)s::uuid)
  AND (%(user_data_64)s::bigint IS NULL OR t.user_data_64 = %(user_data_64)s::bigint)
  AND (%(user_data_32)s::bigint IS NULL OR t.user_data_32 = %(user_data_32)s::bigint)
  AND (%(code)s::integer IS NULL OR t.code = %(code)s::integer)
  AND (%(metadata)s::jsonb IS NULL OR t.metadata @> %(metadata)s::jsonb)
ORDER BY t.timestamp, t.id LIMIT %(limit)s;

-- name: ledger_query_transfers_reversed
SELECT t.*, d.client_id AS debit_client_id, c.client_id AS credit_client_id,
       p.client_id AS pending_client_id
FROM transfer t
JOIN account d ON d.id = t.debit_account_id
JOIN account c ON c.id = t.credit_account_id
LEFT JOIN transfer p ON p.id = t.pending_id
WHERE t.space = %(space)s AND t.flags & 65536 = 0
  AND t.timestamp BETWEEN %(timestamp_min)s::bigint AND %(timestamp_max)s::bigint
  AND (%(ledger)s::bigint IS NULL OR t.ledger = %(ledger)s::bigint)
  AND (%(user_data_128)s::uuid IS NULL OR t.user_data_128 = %(user_data_128)s::uuid)
  AND (%(user_data_64)s::bigint IS NULL OR t.user_data_64 = %(user_data_64)s::bigint)
  AND (%(user_data_32)s::bigint IS NULL OR t.user_data_32 = %(user_data_32)s::bigint)
  AND (%(code)s::integer IS NULL OR t.code = %(code)s::integer)
  AND (%(metadata)s::jsonb IS NULL OR t.metadata @> %(metadata)s::jsonb)
ORDER BY t.timestamp DESC, t.id DESC LIMIT %(limit)s;

-- name: ledger_import_floor_of_accounts
SELECT coalesce((SELECT max(timestamp) FROM account WHERE space = %(space)s), 0) AS newest,
       ARRAY(SELECT timestamp FROM transfer
             WHERE space = %(space)s AND timestamp = ANY (%(timestamps)s::bigint[])) AS taken;

-- name: ledger_import_floor_of_transfers
SELECT coalesce(
           (SELECT max(timestamp) FROM transfer WHERE space = %(space)s AND flags & 65536 = 0), 0
       ) AS newest,
       ARRAY(SELECT timestamp FROM account
             WHERE space = %(space)s AND timestamp = ANY (%(timestamps)s::bigint[])) AS taken;

-- name: ledger_pending_due
SELECT p.transfer_id, p.debit_account_id, p.credit_account_id, t.space, t.reference
FROM pending p JOIN transfer t ON t.id = p.transfer_id
WHERE p.state = 'pending' AND p.expires_ns <= %(now)s
ORDER BY p.expires_ns, t.timestamp, t.id
LIMIT %(limit)s;

-- name: ledger_totals_at
SELECT line, timestamp, debits_pending, debits_posted, credits_pending, credits_posted
FROM ledger_line_at(%(account_id)s, %(moment)s::bigint);

-- name: ledger_statement_lines
SELECT h.line, h.timestamp, h.transfer_id, h.amount, h.debits_pending, h.debits_posted,
       h.credits_pending, h.credits_posted, t.client_id, t.debit_account_id, t.credit_account_id,
       t.flags, t.code, t.reference, t.entry,
       d.client_id AS debit_client_id, c.client_id AS credit_client_id
FROM account_history h
JOIN transfer t ON t.id = h.transfer_id
JOIN account d ON d.id = t.debit_account_id
JOIN account c ON c.id = t.credit_account_id
WHERE h.account_id = %(account_id)s
  AND h.timestamp > %(after)s::bigint AND h.timestamp <= %(upto)s::bigint
ORDER BY h.timestamp LIMIT %(limit)s;

-- name: ledger_accounts_page
SELECT * FROM account
WHERE id > %(after)s AND (%(owner)s::text IS NULL OR owner = %(owner)s::text)
ORDER BY id LIMIT %(limit)s;

-- name: ledger_accounts_of_space_page
SELECT * FROM account
WHERE space = %(space)s AND (timestamp, id) > (%(timestamp)s::bigint, %(after)s::uuid)
ORDER BY timestamp, id LIMIT %(limit)s;

-- name: ledger_export_accounts
SELECT * FROM account
WHERE space = %(space)s AND (timestamp, id) > (%(timestamp)s::bigint, %(after)s::uuid)
  AND opened_sequence <= (%(heads)s::jsonb ->> opened_slot::text)::bigint
ORDER BY timestamp, id LIMIT %(limit)s;

-- name: ledger_export_transfers
SELECT t.*, d.client_id AS debit_client_id, c.client_id AS credit_client_id,
       p.client_id AS pending_client_id
FROM transfer t
JOIN account d ON d.id = t.debit_account_id
JOIN account c ON c.id = t.credit_account_id
LEFT JOIN transfer p ON p.id = t.pending_id
WHERE t.space = %(space)s AND (t.timestamp, t.id) > (%(timestamp)s::bigint, %(after)s::uuid)
  AND t.sequence <= (%(heads)s::jsonb ->> t.slot::text)::bigint
ORDER BY t.timestamp, t.id LIMIT %(limit)s;
