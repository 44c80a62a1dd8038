-- Each query returns no rows, always. A row names the object that breaks the rule. Each reads its
-- tables as a whole: a look per object would take a merchant with a million payments hours.

-- name: invariant_captured_within_authorized_and_refunded_within_captured
SELECT merchant_id, id, amount, amount_captured, amount_refunded, amount_refund_reserved
FROM charge
WHERE amount_captured > amount OR amount_refunded + amount_refund_reserved > amount_captured
   OR least(amount_captured, amount_refunded, amount_refund_reserved) < 0;

-- name: invariant_intent_amounts_are_those_of_its_charges
SELECT i.merchant_id, i.id, i.amount_received, i.amount_capturable, c.captured, c.held
FROM payment_intent i
LEFT JOIN (
    SELECT merchant_id, payment_intent, sum(amount_captured) AS captured,
           sum(amount - amount_captured) FILTER (WHERE hold IS NOT NULL) AS held
    FROM charge GROUP BY merchant_id, payment_intent
) c ON c.merchant_id = i.merchant_id AND c.payment_intent = i.id
WHERE i.amount_received <> coalesce(c.captured, 0) OR i.amount_capturable <> coalesce(c.held, 0);

-- name: invariant_charge_counts_its_refunds
SELECT c.merchant_id, c.id, c.amount_refunded, c.amount_refund_reserved, r.succeeded, r.pending
FROM charge c
LEFT JOIN (
    SELECT merchant_id, charge, sum(amount) FILTER (WHERE status = 'succeeded') AS succeeded,
           sum(amount) FILTER (WHERE status = 'pending') AS pending
    FROM refund GROUP BY merchant_id, charge
) r ON r.merchant_id = c.merchant_id AND r.charge = c.id
WHERE c.amount_refunded <> coalesce(r.succeeded, 0)
   OR c.amount_refund_reserved <> coalesce(r.pending, 0);

-- name: invariant_ledger_holds_what_charges_hold
SELECT coalesce(a.owner, c.merchant_id) AS merchant_id, a.held AS booked, c.held AS expected
FROM (
    SELECT owner, sum(credits_pending) AS held FROM account
    WHERE space IS NULL AND owner <> '' GROUP BY owner
) a
FULL JOIN (
    SELECT merchant_id, sum(amount - amount_captured) AS held FROM charge
    WHERE hold IS NOT NULL OR status = 'open' GROUP BY merchant_id
) c ON c.merchant_id = a.owner
WHERE coalesce(a.held, 0) <> coalesce(c.held, 0);

-- name: invariant_one_authorization_per_charge
SELECT merchant_id, charge, count(*) AS times FROM command
WHERE operation = 'authorize' GROUP BY merchant_id, charge HAVING count(*) > 1;

-- name: invariant_one_command_per_refund
SELECT merchant_id, refund, count(*) AS times FROM command
WHERE operation = 'refund' GROUP BY merchant_id, refund HAVING count(*) > 1;

-- name: invariant_answered_key_has_answer_and_object
SELECT k.merchant_id, k.route, k.operation
FROM idempotency_key k
-- What a key that is not answered yet names was written with it, and will be its answer.
WHERE k.answered AND k.body IS NULL OR (NOT k.answered OR k.code IS NULL)
  AND CASE left(k.operation, 3)
    WHEN 'pi_' THEN NOT EXISTS (SELECT FROM payment_intent o
        WHERE o.merchant_id = k.merchant_id AND o.id = k.operation)
    WHEN 'ch_' THEN NOT EXISTS (SELECT FROM charge o
        WHERE o.merchant_id = k.merchant_id AND o.id = k.operation)
    WHEN 're_' THEN NOT EXISTS (SELECT FROM refund o
        WHERE o.merchant_id = k.merchant_id AND o.id = k.operation)
    WHEN 'cmd' THEN NOT EXISTS (SELECT FROM command o
        WHERE o.merchant_id = k.merchant_id AND o.id = k.operation)
    ELSE false
END;

-- name: invariant_nothing_is_told_twice
SELECT merchant_id, object_id, type, sequence, count(*) AS times FROM event
WHERE object_id <> 'balance'
GROUP BY merchant_id, object_id, type, sequence HAVING count(*) > 1;

-- name: invariant_every_end_is_told_once
SELECT ended.merchant_id, ended.id, ended.type, count(e.id) AS times
FROM (
    SELECT merchant_id, id, 'payment_intent.' || status AS type FROM payment_intent
    WHERE status IN ('succeeded', 'canceled') AND NOT hidden
    UNION ALL
    SELECT merchant_id, id, 'payment_intent.created' FROM payment_intent WHERE NOT hidden
    UNION ALL
    SELECT merchant_id, id, 'charge.' || status FROM charge
    WHERE status IN ('succeeded', 'failed') AND revision > 0
    UNION ALL
    SELECT merchant_id, id, 'refund.created' FROM refund WHERE revision > 0
    UNION ALL
    SELECT merchant_id, id, 'refund.failed' FROM refund WHERE status = 'failed'
    UNION ALL
    SELECT merchant_id, id, 'setup_intent.' || status FROM setup_intent
    WHERE status IN ('succeeded', 'canceled')
    UNION ALL
    SELECT merchant_id, id, 'setup_intent.created' FROM setup_intent
) ended
LEFT JOIN event e ON e.merchant_id = ended.merchant_id AND e.object_id = ended.id
    AND e.type = ended.type
GROUP BY ended.merchant_id, ended.id, ended.type HAVING count(e.id) <> 1;

-- name: invariant_every_version_is_told
-- An intent's versions are not all told: a client that changes its description reads the answer.
SELECT o.merchant_id, o.id, o.revision, coalesce(e.told, 0) AS told
FROM (
    SELECT merchant_id, id, revision FROM charge
    UNION ALL SELECT merchant_id, id, revision FROM refund
) o
LEFT JOIN (
    SELECT merchant_id, object_id, count(DISTINCT sequence) AS told
    FROM event GROUP BY merchant_id, object_id
) e ON e.merchant_id = o.merchant_id AND e.object_id = o.id
WHERE o.revision <> coalesce(e.told, 0);

-- name: invariant_events_are_not_ahead_of_their_object
SELECT e.merchant_id, e.object_id, e.last, o.revision
FROM (
    SELECT merchant_id, object_id, max(sequence) AS last FROM event GROUP BY merchant_id, object_id
) e
JOIN (
    SELECT merchant_id, id, revision FROM payment_intent
    UNION ALL SELECT merchant_id, id, revision FROM charge
    UNION ALL SELECT merchant_id, id, revision FROM refund
    UNION ALL SELECT merchant_id, id, revision FROM setup_intent
) o ON o.merchant_id = e.merchant_id AND o.id = e.object_id
WHERE e.last > o.revision;

-- name: invariant_deliveries_are_of_events
SELECT d.merchant_id, d.endpoint, d.event_id
FROM webhook_delivery d
LEFT JOIN event e ON e.merchant_id = coalesce(d.event_merchant, d.merchant_id)
    AND e.id = d.event_id
WHERE e.id IS NULL;

-- name: invariant_status_fits_what_happened
SELECT i.merchant_id, i.id, i.status, i.operation
FROM payment_intent i
WHERE NOT CASE i.status
    WHEN 'requires_payment_method' THEN i.amount_received = 0 AND i.amount_capturable = 0
    WHEN 'requires_confirmation' THEN i.amount_received = 0 AND i.amount_capturable = 0
    WHEN 'requires_action' THEN i.next_action IS NOT NULL
    WHEN 'requires_capture' THEN i.amount_capturable > 0
    WHEN 'processing' THEN EXISTS (SELECT FROM command c WHERE c.merchant_id = i.merchant_id
        AND c.payment_intent = i.id AND c.state <> 'done')
    WHEN 'succeeded' THEN i.amount_received > 0 AND i.amount_capturable = 0
    WHEN 'canceled' THEN i.amount_received = 0 AND i.amount_capturable = 0
        AND i.canceled_at IS NOT NULL
    ELSE false
END
UNION ALL
SELECT s.merchant_id, s.id, s.status, s.operation
FROM setup_intent s
WHERE s.status = 'processing' AND NOT EXISTS (SELECT FROM command c
    WHERE c.merchant_id = s.merchant_id AND c.payment_intent = s.id AND c.state <> 'done')
   OR s.status = 'requires_action' AND s.next_action IS NULL;

-- name: invariant_held_operation_is_an_open_command
SELECT i.merchant_id, i.id, i.operation, c.state
FROM (
    SELECT merchant_id, id, operation FROM payment_intent WHERE operation IS NOT NULL
    UNION ALL
    SELECT merchant_id, id, operation FROM setup_intent WHERE operation IS NOT NULL
) i
LEFT JOIN command c ON c.merchant_id = i.merchant_id AND c.id = i.operation
WHERE c.id IS NULL OR c.state = 'done';

-- name: invariant_only_legal_transitions_were_told
WITH told AS (
    SELECT merchant_id, object_id, xid, position,
           convert_from(body, 'UTF8')::jsonb #>> '{data,object,status}' AS status
    FROM event
    WHERE starts_with(type, 'payment_intent.') OR starts_with(type, 'setup_intent.')
       OR starts_with(type, 'charge.') AND NOT starts_with(type, 'charge.refund.')
), steps AS (
    SELECT *, lag(status) OVER (PARTITION BY merchant_id, object_id ORDER BY xid, position) AS before
    FROM told
)
SELECT merchant_id, object_id, before, status FROM steps
WHERE before IN ('succeeded', 'canceled', 'failed') AND status <> before;

-- name: invariant_versions_never_go_back
WITH steps AS (
    SELECT merchant_id, object_id, type, sequence,
           lag(sequence) OVER (PARTITION BY merchant_id, object_id ORDER BY xid, position) AS before
    FROM event
)
SELECT merchant_id, object_id, type, before, sequence FROM steps WHERE sequence < before;

-- name: invariant_unknown_is_not_booked_as_failed
SELECT c.merchant_id, c.id, c.operation, c.state
FROM command c
LEFT JOIN charge h ON h.merchant_id = c.merchant_id AND h.id = c.charge
LEFT JOIN payment_intent i ON i.merchant_id = c.merchant_id AND i.id = c.payment_intent
LEFT JOIN refund r ON r.merchant_id = c.merchant_id AND r.id = c.refund
LEFT JOIN setup_attempt a ON a.merchant_id = c.merchant_id AND a.id = c.charge
WHERE c.state <> 'done' AND CASE c.operation
    -- Canceled while the customer was authenticating, the attempt has ended.
    WHEN 'authorize' THEN h.status = 'failed' AND i.status <> 'canceled'
    WHEN 'refund' THEN r.status = 'failed'
    WHEN 'verify' THEN a.status = 'failed'
    ELSE false
END;

-- name: invariant_known_outcome_is_booked
SELECT c.merchant_id, c.id, c.operation, h.status AS charge, r.status AS refund, a.status AS setup
FROM command c
LEFT JOIN charge h ON h.merchant_id = c.merchant_id AND h.id = c.charge
LEFT JOIN refund r ON r.merchant_id = c.merchant_id AND r.id = c.refund
LEFT JOIN setup_attempt a ON a.merchant_id = c.merchant_id AND a.id = c.charge
WHERE c.state = 'done' AND CASE c.operation
    WHEN 'authorize' THEN h.status = 'open'
    WHEN 'refund' THEN r.status = 'pending'
    WHEN 'verify' THEN a.status = 'processing'
    ELSE false
END;

-- name: invariant_lines_come_to_captured_less_refunded
SELECT c.merchant_id, c.id, c.amount_captured, c.amount_refunded, l.charged, l.given_back
FROM charge c
LEFT JOIN (
    SELECT merchant_id, charge, sum(amount) FILTER (WHERE type = 'charge') AS charged,
           sum(fee) FILTER (WHERE type = 'charge') AS fee,
           -sum(amount) FILTER (WHERE type <> 'charge') AS given_back
    FROM balance_transaction GROUP BY merchant_id, charge
) l ON l.merchant_id = c.merchant_id AND l.charge = c.id
WHERE c.amount_captured <> coalesce(l.charged, 0) OR c.fee <> coalesce(l.fee, 0)
   -- A refund that the bank has yet to make has its line already.
   OR coalesce(l.given_back, 0) NOT BETWEEN c.amount_refunded
       AND c.amount_refunded + c.amount_refund_reserved;

-- name: invariant_money_by_ledger_and_lines
-- Not a rule by itself: the sums that `money.py` compares, of one moment.
SELECT 'line' AS what, l.merchant_id, NULL::integer AS ledger, l.currency, m.livemode,
       sum(l.amount) AS amount, sum(l.fee) AS fee
FROM balance_transaction l JOIN merchant m ON m.merchant_id = l.merchant_id
GROUP BY l.merchant_id, l.currency, m.livemode
UNION ALL
SELECT CASE code WHEN 1001 THEN 'clearing' WHEN 4001 THEN 'revenue' ELSE 'merchant' END, owner,
       ledger, NULL, NULL, sum(credits_posted - debits_posted),
       -- A pending refund has its line and is only reserved in the ledger.
       sum(CASE WHEN code IN (2001, 2002) THEN debits_pending ELSE 0 END)
FROM account WHERE space IS NULL GROUP BY 1, owner, ledger;

-- name: invariant_references_stay_within_the_merchant
SELECT r.merchant_id, r.kind, r.id, r.names
FROM (
    SELECT merchant_id, 'charge' AS kind, id, payment_intent AS names FROM charge
    UNION ALL SELECT merchant_id, 'charge', id, customer FROM charge
    UNION ALL SELECT merchant_id, 'refund', id, charge FROM refund
    UNION ALL SELECT merchant_id, 'refund', id, payment_intent FROM refund
    UNION ALL SELECT merchant_id, 'command', id, payment_intent FROM command
    UNION ALL SELECT merchant_id, 'command', id, refund FROM command
    UNION ALL SELECT merchant_id, 'balance_transaction', id, charge FROM balance_transaction
    UNION ALL SELECT merchant_id, 'payment_intent', id, customer FROM payment_intent
    UNION ALL SELECT merchant_id, 'payment_method', id, customer FROM payment_method
    UNION ALL SELECT merchant_id, 'setup_intent', id, customer FROM setup_intent
    UNION ALL SELECT merchant_id, 'checkout_session', id, payment_intent FROM checkout_session
) r
WHERE r.names IS NOT NULL
  AND NOT EXISTS (SELECT FROM payment_intent o WHERE o.merchant_id = r.merchant_id AND o.id = r.names)
  AND NOT EXISTS (SELECT FROM setup_intent o WHERE o.merchant_id = r.merchant_id AND o.id = r.names)
  AND NOT EXISTS (SELECT FROM charge o WHERE o.merchant_id = r.merchant_id AND o.id = r.names)
  AND NOT EXISTS (SELECT FROM refund o WHERE o.merchant_id = r.merchant_id AND o.id = r.names)
  AND NOT EXISTS (SELECT FROM customer o WHERE o.merchant_id = r.merchant_id AND o.id = r.names);

-- name: invariant_accounts_belong_to_merchants
SELECT a.owner, a.id FROM account a
LEFT JOIN merchant m ON m.merchant_id = a.owner
WHERE a.space IS NULL AND a.owner <> '' AND m.merchant_id IS NULL;

-- name: invariant_long_digits
-- Not a rule by itself: where runs of digits stand that `secrets.py` tries as card numbers.
SELECT place, id, text FROM (
    SELECT 'command.request' AS place, id, request::text AS text FROM command
    UNION ALL SELECT 'command.evidence', id, evidence FROM command
    UNION ALL SELECT 'command.history', id, history::text FROM command
    UNION ALL SELECT 'payment_method.card', id, card::text FROM payment_method
    UNION ALL SELECT 'token.card', id, card::text FROM token
    UNION ALL SELECT 'setup_attempt.card', id, card::text FROM setup_attempt
    UNION ALL SELECT 'charge.details', id, details::text FROM charge
    UNION ALL SELECT 'charge.failure', id, failure::text FROM charge
    UNION ALL SELECT 'charge.network', id, network::text FROM charge
    UNION ALL SELECT 'charge.metadata', id, metadata::text FROM charge
    UNION ALL SELECT 'refund.metadata', id, metadata::text FROM refund
    UNION ALL SELECT 'payment_intent.details', id, details::text FROM payment_intent
    UNION ALL SELECT 'payment_intent.unknown', id, unknown::text FROM payment_intent
    UNION ALL SELECT 'payment_intent.metadata', id, metadata::text FROM payment_intent
    UNION ALL SELECT 'setup_intent.unknown', id, unknown::text FROM setup_intent
    UNION ALL SELECT 'setup_intent.metadata', id, metadata::text FROM setup_intent
    UNION ALL SELECT 'customer.metadata', id, metadata::text FROM customer
    UNION ALL SELECT 'inbox.body', reference, convert_from(body, 'UTF8') FROM inbox
    UNION ALL SELECT 'inbox.headers', reference, headers::text FROM inbox
    UNION ALL SELECT 'inbox.reason', reference, reason FROM inbox
    UNION ALL SELECT 'idempotency_key.body', operation, convert_from(body, 'UTF8')
        FROM idempotency_key
    UNION ALL SELECT 'event.body', id, convert_from(body, 'UTF8') FROM event
) kept
WHERE text ~ '(^|[^0-9A-Za-z])[3-6](\d[ -]?){12,18}([^0-9A-Za-z]|$)';

-- name: invariant_nothing_is_left_open
SELECT 'command' AS what, id, state FROM command WHERE state <> 'done'
UNION ALL SELECT 'payment_intent', id, status FROM payment_intent
    WHERE status = 'processing' OR operation IS NOT NULL AND status <> 'requires_action'
UNION ALL SELECT 'setup_intent', id, status FROM setup_intent
    WHERE status = 'processing' OR operation IS NOT NULL AND status <> 'requires_action'
UNION ALL SELECT 'refund', id, status FROM refund WHERE status = 'pending'
UNION ALL SELECT 'inbox', reference, state FROM inbox WHERE state IN ('received', 'parked');

-- name: invariant_money_comes_on_its_day
SELECT l.merchant_id, l.id, l.created, l.available_on, c.available_on AS of_charge
FROM balance_transaction l
JOIN charge c ON c.merchant_id = l.merchant_id AND c.id = l.charge
WHERE CASE l.type
    -- At once only with the test methods that are there for it, as the charge was made with one.
    WHEN 'charge' THEN (l.available_on <> l.created OR NOT starts_with(
            coalesce(c.details ->> 'behaviour', c.payment_method), 'pm_card_bypassPending'))
        AND l.available_on <> l.created + interval '2 days'
        -- Held on after a capture: it waits for the last day on which more may be captured.
        AND (c.capture_before IS NULL OR l.available_on <> c.capture_before + interval '2 days')
    ELSE false
END OR c.funds = 'available' AND c.available_on IS NULL;

-- name: invariant_rows_commands
-- Not rules: what `provider.py` compares with the provider's books.
SELECT merchant_id, id, operation, payment_intent, charge, refund, state FROM command;

-- name: invariant_rows_charges
SELECT c.merchant_id, c.id, c.authorize_command, c.status, c.amount, c.currency, c.amount_captured,
       c.amount_refunded, c.amount_refund_reserved, i.status AS intent_status
FROM charge c
JOIN payment_intent i ON i.merchant_id = c.merchant_id AND i.id = c.payment_intent;

-- name: invariant_rows_refunds
SELECT r.merchant_id, r.id, r.status, r.amount, c.id AS command
FROM refund r JOIN command c ON c.merchant_id = r.merchant_id AND c.refund = r.id;

-- name: invariant_rows_setups
SELECT merchant_id, id, command, status FROM setup_attempt;
