-- Each query returns no rows, always. A row names what is wrong; `flags`: 1 linked, 2 pending,
-- 4 post, 8 void, 64 and 128 closing, 65536 expiry (transfers); 2 and 4 the two limits, 8 history
-- (accounts). Clients' accounts (those with a space) keep lines whatever their flags.

-- name: invariant_balance_is_sum_of_transfers
WITH booked AS (
    SELECT debit_account_id AS id, amount AS debits, 0::numeric AS credits FROM transfer
    WHERE flags & 65546 = 0
    UNION ALL
    SELECT credit_account_id, 0, amount FROM transfer WHERE flags & 65546 = 0
), sums AS (
    SELECT id, sum(debits) AS debits, sum(credits) AS credits FROM booked GROUP BY id
)
SELECT a.id, a.debits_posted, a.credits_posted, s.debits, s.credits
FROM account a LEFT JOIN sums s ON s.id = a.id
WHERE a.debits_posted <> coalesce(s.debits, 0) OR a.credits_posted <> coalesce(s.credits, 0);

-- name: invariant_pending_is_sum_of_open_transfers
WITH unresolved AS (
    SELECT t.id, t.debit_account_id, t.credit_account_id, t.amount FROM transfer t
    WHERE t.flags & 2 <> 0
      AND NOT EXISTS (SELECT FROM transfer r WHERE r.pending_id = t.id)
), booked AS (
    SELECT debit_account_id AS id, amount AS debits, 0::numeric AS credits FROM unresolved
    UNION ALL
    SELECT credit_account_id, 0, amount FROM unresolved
), sums AS (
    SELECT id, sum(debits) AS debits, sum(credits) AS credits FROM booked GROUP BY id
)
SELECT a.id, a.debits_pending, a.credits_pending, s.debits, s.credits
FROM account a LEFT JOIN sums s ON s.id = a.id
WHERE a.debits_pending <> coalesce(s.debits, 0) OR a.credits_pending <> coalesce(s.credits, 0);

-- name: invariant_balance_is_last_history_line
SELECT a.id, a.lines, h.line
FROM account a
LEFT JOIN LATERAL (
    SELECT * FROM account_history l WHERE l.account_id = a.id ORDER BY l.timestamp DESC LIMIT 1
) h ON true
WHERE (a.flags & 8 <> 0 OR a.space IS NOT NULL)
  AND ((a.lines, a.debits_pending, a.debits_posted, a.credits_pending, a.credits_posted)
      IS DISTINCT FROM
      (coalesce(h.line, 0), coalesce(h.debits_pending, 0), coalesce(h.debits_posted, 0),
       coalesce(h.credits_pending, 0), coalesce(h.credits_posted, 0))
    OR (a.timestamp IS NOT NULL AND a.timestamp_last NOT IN (0, coalesce(h.timestamp, 0)))
    OR (a.timestamp_last = 0 AND h.timestamp > a.timestamp));

-- name: invariant_history_has_no_gap
SELECT a.id, a.lines, count(h.line) AS found, min(h.line) AS first, max(h.line) AS last
FROM account a LEFT JOIN account_history h ON h.account_id = a.id
GROUP BY a.id, a.lines
HAVING count(h.line) <> a.lines
    OR count(DISTINCT h.line) <> a.lines
    OR (a.lines > 0 AND (min(h.line) <> 1 OR max(h.line) <> a.lines));

-- name: invariant_history_follows_transfers
WITH steps AS (
    SELECT h.*,
        h.debits_pending - lag(h.debits_pending, 1, 0::numeric) OVER w AS debits_pending_step,
        h.debits_posted - lag(h.debits_posted, 1, 0::numeric) OVER w AS debits_posted_step,
        h.credits_pending - lag(h.credits_pending, 1, 0::numeric) OVER w AS credits_pending_step,
        h.credits_posted - lag(h.credits_posted, 1, 0::numeric) OVER w AS credits_posted_step,
        h.timestamp - lag(h.timestamp, 1, 0::bigint) OVER w AS time_step
    FROM account_history h WINDOW w AS (PARTITION BY h.account_id ORDER BY h.line)
), expected AS (
    SELECT t.*,
        CASE WHEN t.flags & 2 <> 0 THEN t.amount
             WHEN t.flags & 65548 <> 0 THEN -p.amount ELSE 0 END AS pending_step,
        CASE WHEN t.flags & 65546 = 0 THEN t.amount ELSE 0 END AS posted_step
    FROM transfer t LEFT JOIN transfer p ON p.id = t.pending_id
)
SELECT s.account_id, s.line, s.transfer_id
FROM steps s LEFT JOIN expected e ON e.id = s.transfer_id
WHERE e.id IS NULL
   OR s.amount <> e.amount
   OR s.timestamp <> e.timestamp
   OR s.time_step <= 0
   OR (s.debits_pending_step, s.debits_posted_step) IS DISTINCT FROM
      (CASE WHEN s.account_id = e.debit_account_id THEN e.pending_step ELSE 0 END,
       CASE WHEN s.account_id = e.debit_account_id THEN e.posted_step ELSE 0 END)
   OR (s.credits_pending_step, s.credits_posted_step) IS DISTINCT FROM
      (CASE WHEN s.account_id = e.credit_account_id THEN e.pending_step ELSE 0 END,
       CASE WHEN s.account_id = e.credit_account_id THEN e.posted_step ELSE 0 END);

-- name: invariant_every_transfer_is_in_both_histories
SELECT t.id, a.id AS account_id, count(h.line) AS lines
FROM transfer t
JOIN account a ON a.id IN (t.debit_account_id, t.credit_account_id)
    AND (a.flags & 8 <> 0 OR a.space IS NOT NULL)
LEFT JOIN account_history h ON h.account_id = a.id AND h.transfer_id = t.id
GROUP BY t.id, a.id
HAVING count(h.line) <> 1;

-- name: invariant_each_ledger_sums_to_zero
SELECT ledger,
       sum(debits_posted) - sum(credits_posted) AS posted,
       sum(debits_pending) - sum(credits_pending) AS pending
FROM account
GROUP BY ledger
HAVING sum(debits_posted) <> sum(credits_posted) OR sum(debits_pending) <> sum(credits_pending);

-- name: invariant_no_account_is_past_its_limit
SELECT id, flags, overdraft, debits_pending, debits_posted, credits_pending, credits_posted
FROM account
WHERE (flags & 2 <> 0 AND debits_pending + debits_posted > credits_posted + overdraft)
   OR (flags & 4 <> 0 AND credits_pending + credits_posted > debits_posted + overdraft)
   OR least(debits_pending, debits_posted, credits_pending, credits_posted) < 0;

-- name: invariant_pending_resolves_at_most_once
SELECT pending_id, count(*) AS times
FROM transfer WHERE pending_id IS NOT NULL GROUP BY pending_id HAVING count(*) > 1;

-- name: invariant_pending_row_is_its_transfers
SELECT coalesce(t.id, p.transfer_id) AS id, p.state, r.flags AS resolved_by
FROM (SELECT * FROM transfer WHERE flags & 2 <> 0) t
FULL JOIN pending p ON p.transfer_id = t.id
LEFT JOIN transfer r ON r.pending_id = coalesce(t.id, p.transfer_id)
WHERE t.id IS NULL OR p.transfer_id IS NULL
   OR (p.amount, p.debit_account_id, p.credit_account_id, p.ledger, p.code)
      IS DISTINCT FROM (t.amount, t.debit_account_id, t.credit_account_id, t.ledger, t.code)
   OR CASE p.state
          WHEN 'posted' THEN coalesce(r.flags & 4 = 0, true)
          WHEN 'voided' THEN coalesce(r.flags & 8 = 0, true)
          WHEN 'expired' THEN coalesce(r.flags & 65536 = 0, true)
          WHEN 'pending' THEN r.id IS NOT NULL
          ELSE true
      END
   OR (t.timestamp IS NOT NULL AND p.expires_ns IS DISTINCT FROM
       CASE WHEN t.timeout_seconds > 0 THEN t.timestamp + t.timeout_seconds * 1000000000 END);

-- name: invariant_resolution_fits_its_pending
SELECT r.id, r.pending_id
FROM transfer r LEFT JOIN transfer p ON p.id = r.pending_id
WHERE r.pending_id IS NOT NULL
  AND (p.id IS NULL OR p.flags & 2 = 0 OR r.amount > p.amount
       OR (r.flags & 65544 <> 0 AND r.amount <> p.amount)
       OR (r.debit_account_id, r.credit_account_id, r.ledger, r.code)
          <> (p.debit_account_id, p.credit_account_id, p.ledger, p.code));

-- name: invariant_accounts_of_transfers_exist_in_its_ledger
SELECT t.id, t.ledger, d.ledger AS debit_ledger, c.ledger AS credit_ledger
FROM transfer t
LEFT JOIN account d ON d.id = t.debit_account_id
LEFT JOIN account c ON c.id = t.credit_account_id
WHERE d.ledger IS DISTINCT FROM t.ledger OR c.ledger IS DISTINCT FROM t.ledger;

-- name: invariant_failed_id_never_succeeded
SELECT s.id, s.status FROM seen s JOIN transfer t ON t.id = s.id;

-- name: invariant_no_chain_is_open
SELECT t.id, t.slot, t.sequence, t.position
FROM transfer t
LEFT JOIN transfer n
    ON n.slot = t.slot AND n.sequence = t.sequence AND n.position = t.position + 1
WHERE t.flags & 1 <> 0
  AND (n.id IS NULL OR n.space IS DISTINCT FROM t.space
       OR (t.space IS NULL AND n.reference <> t.reference));

-- name: invariant_closed_account_has_its_open_closing_transfer
SELECT a.id, a.closed_by
FROM account a
LEFT JOIN transfer t ON t.id = a.closed_by
LEFT JOIN pending p ON p.transfer_id = a.closed_by
WHERE a.closed_by IS NOT NULL
  AND (coalesce(p.state, '') <> 'pending'
       OR NOT ((t.flags & 64 <> 0 AND t.debit_account_id = a.id)
               OR (t.flags & 128 <> 0 AND t.credit_account_id = a.id)))
UNION ALL
SELECT a.id, t.id
FROM transfer t
JOIN pending p ON p.transfer_id = t.id AND p.state = 'pending'
JOIN account a ON (t.flags & 64 <> 0 AND a.id = t.debit_account_id)
               OR (t.flags & 128 <> 0 AND a.id = t.credit_account_id)
WHERE t.flags & 192 <> 0 AND a.closed_by IS DISTINCT FROM t.id;

-- name: invariant_spaces_do_not_mix
SELECT t.id, t.space, d.space AS debit_space, c.space AS credit_space
FROM transfer t
JOIN account d ON d.id = t.debit_account_id
JOIN account c ON c.id = t.credit_account_id
WHERE d.space IS DISTINCT FROM t.space OR c.space IS DISTINCT FROM t.space;

-- name: invariant_transfers_are_later_than_their_accounts
SELECT t.id, t.timestamp, a.id AS account_id, a.timestamp AS opened
FROM transfer t JOIN account a ON a.id IN (t.debit_account_id, t.credit_account_id)
WHERE t.space IS NOT NULL AND t.timestamp <= a.timestamp;
