-- name: payment_intent_list
SELECT t.* FROM payment_intent t
WHERE t.merchant_id = %(merchant_id)s AND NOT t.hidden
  AND (%(customer)s::text IS NULL OR t.customer = %(customer)s::text)
  AND (%(after)s::text IS NULL OR t.id < %(after)s::text)
  AND (%(before)s::text IS NULL OR t.id > %(before)s::text)
  AND (%(low)s::text IS NULL OR t.id >= %(low)s::text)
  AND (%(high)s::text IS NULL OR t.id < %(high)s::text)
  AND (%(gte)s::bigint IS NULL OR t.created >= to_timestamp(%(gte)s::bigint))
  AND (%(gt)s::bigint IS NULL OR t.created >= to_timestamp(%(gt)s::bigint + 1))
  AND (%(lte)s::bigint IS NULL OR t.created < to_timestamp(%(lte)s::bigint + 1))
  AND (%(lt)s::bigint IS NULL OR t.created < to_timestamp(%(lt)s::bigint))
ORDER BY t.id DESC LIMIT %(limit)s;

-- name: payment_intent_list_backwards
SELECT t.* FROM payment_intent t
WHERE t.merchant_id = %(merchant_id)s AND NOT t.hidden
  AND (%(customer)s::text IS NULL OR t.customer = %(customer)s::text)
  AND (%(after)s::text IS NULL OR t.id < %(after)s::text)
  AND (%(before)s::text IS NULL OR t.id > %(before)s::text)
  AND (%(low)s::text IS NULL OR t.id >= %(low)s::text)
  AND (%(high)s::text IS NULL OR t.id < %(high)s::text)
  AND (%(gte)s::bigint IS NULL OR t.created >= to_timestamp(%(gte)s::bigint))
  AND (%(gt)s::bigint IS NULL OR t.created >= to_timestamp(%(gt)s::bigint + 1))
  AND (%(lte)s::bigint IS NULL OR t.created < to_timestamp(%(lte)s::bigint + 1))
  AND (%(lt)s::bigint IS NULL OR t.created < to_timestamp(%(lt)s::bigint))
ORDER BY t.id LIMIT %(limit)s;

-- name: charge_list
SELECT t.* FROM charge t
WHERE t.merchant_id = %(merchant_id)s AND t.revision > 0
  AND (%(customer)s::text IS NULL OR t.customer = %(customer)s::text)
  AND (%(payment_intent)s::text IS NULL OR t.payment_intent = %(payment_intent)s::text)
  AND (%(after)s::text IS NULL OR t.id < %(after)s::text)
  AND (%(before)s::text IS NULL OR t.id > %(before)s::text)
  AND (%(low)s::text IS NULL OR t.id >= %(low)s::text)
  AND (%(high)s::text IS NULL OR t.id < %(high)s::text)
  AND (%(gte)s::bigint IS NULL OR t.created >= to_timestamp(%(gte)s::bigint))
  AND (%(gt)s::bigint IS NULL OR t.created >= to_timestamp(%(gt)s::bigint + 1))
  AND (%(lte)s::bigint IS NULL OR t.created < to_timestamp(%(lte)s::bigint + 1))
  AND (%(lt)s::bigint IS NULL OR t.created < to_timestamp(%(lt)s::bigint))
ORDER BY t.id DESC LIMIT %(limit)s;

-- name: charge_list_backwards
SELECT t.* FROM charge t
WHERE t.merchant_id = %(merchant_id)s AND t.revision > 0
  AND (%(customer)s::text IS NULL OR t.customer = %(customer)s::text)
  AND (%(payment_intent)s::text IS NULL OR t.payment_intent = %(payment_intent)s::text)
  AND (%(after)s::text IS NULL OR t.id < %(after)s::text)
  AND (%(before)s::text IS NULL OR t.id > %(before)s::text)
  AND (%(low)s::text IS NULL OR t.id >= %(low)s::text)
  AND (%(high)s::text IS NULL OR t.id < %(high)s::text)
  AND (%(gte)s::bigint IS NULL OR t.created >= to_timestamp(%(gte)s::bigint))
  AND (%(gt)s::bigint IS NULL OR t.created >= to_timestamp(%(gt)s::bigint + 1))
  AND (%(lte)s::bigint IS NULL OR t.created < to_timestamp(%(lte)s::bigint + 1))
  AND (%(lt)s::bigint IS NULL OR t.created < to_timestamp(%(lt)s::bigint))
ORDER BY t.id LIMIT %(limit)s;

-- name: refund_list
SELECT t.* FROM refund t
WHERE t.merchant_id = %(merchant_id)s AND t.revision > 0
  AND (%(charge)s::text IS NULL OR t.charge = %(charge)s::text)
  AND (%(payment_intent)s::text IS NULL OR t.payment_intent = %(payment_intent)s::text)
  AND (%(after)s::text IS NULL OR t.id < %(after)s::text)
  AND (%(before)s::text IS NULL OR t.id > %(before)s::text)
  AND (%(low)s::text IS NULL OR t.id >= %(low)s::text)
  AND (%(high)s::text IS NULL OR t.id < %(high)s::text)
  AND (%(gte)s::bigint IS NULL OR t.created >= to_timestamp(%(gte)s::bigint))
  AND (%(gt)s::bigint IS NULL OR t.created >= to_timestamp(%(gt)s::bigint + 1))
  AND (%(lte)s::bigint IS NULL OR t.created < to_timestamp(%(lte)s::bigint + 1))
  AND (%(lt)s::bigint IS NULL OR t.created < to_timestamp(%(lt)s::bigint))
ORDER BY t.id DESC LIMIT %(limit)s;

-- name: refund_list_backwards
SELECT t.* FROM refund t
WHERE t.merchant_id = %(merchant_id)s AND t.revision > 0
  AND (%(charge)s::text IS NULL OR t.charge = %(charge)s::text)
  AND (%(payment_intent)s::text IS NULL OR t.payment_intent = %(payment_intent)s::text)
  AND (%(after)s::text IS NULL OR t.id < %(after)s::text)
  AND (%(before)s::text IS NULL OR t.id > %(before)s::text)
  AND (%(low)s::text IS NULL OR t.id >= %(low)s::text)
  AND (%(high)s::text IS NULL OR t.id < %(high)s::text)
  AND (%(gte)s::bigint IS NULL OR t.created >= to_timestamp(%(gte)s::bigint))
  AND (%(gt)s::bigint IS NULL OR t.created >= to_timestamp(%(gt)s::bigint + 1))
  AND (%(lte)s::bigint IS NULL OR t.created < to_timestamp(%(lte)s::bigint + 1))
  AND (%(lt)s::bigint IS NULL OR t.created < to_timestamp(%(lt)s::bigint))
ORDER BY t.id LIMIT %(limit)s;

-- name: balance_transaction_list
SELECT t.*, c.funds, c.available_on AS charge_available_on FROM balance_transaction t
JOIN charge c ON c.merchant_id = t.merchant_id AND c.id = t.charge
WHERE t.merchant_id = %(merchant_id)s AND (%(type)s::text IS NULL OR t.type = %(type)s::text)
  AND (%(source)s::text IS NULL OR t.source = %(source)s::text)
  AND (%(currency)s::text IS NULL OR t.currency = %(currency)s::text)
  AND (%(among)s::text[] IS NULL OR t.id = ANY(%(among)s::text[]))
  AND (%(after)s::text IS NULL OR t.id < %(after)s::text)
  AND (%(before)s::text IS NULL OR t.id > %(before)s::text)
  AND (%(low)s::text IS NULL OR t.id >= %(low)s::text)
  AND (%(high)s::text IS NULL OR t.id < %(high)s::text)
  AND (%(gte)s::bigint IS NULL OR t.created >= to_timestamp(%(gte)s::bigint))
  AND (%(gt)s::bigint IS NULL OR t.created >= to_timestamp(%(gt)s::bigint + 1))
  AND (%(lte)s::bigint IS NULL OR t.created < to_timestamp(%(lte)s::bigint + 1))
  AND (%(lt)s::bigint IS NULL OR t.created < to_timestamp(%(lt)s::bigint))
ORDER BY t.id DESC LIMIT %(limit)s;

-- name: balance_transaction_list_backwards
SELECT t.*, c.funds, c.available_on AS charge_available_on FROM balance_transaction t
JOIN charge c ON c.merchant_id = t.merchant_id AND c.id = t.charge
WHERE t.merchant_id = %(merchant_id)s AND (%(type)s::text IS NULL OR t.type = %(type)s::text)
  AND (%(source)s::text IS NULL OR t.source = %(source)s::text)
  AND (%(currency)s::text IS NULL OR t.currency = %(currency)s::text)
  AND (%(among)s::text[] IS NULL OR t.id = ANY(%(among)s::text[]))
  AND (%(after)s::text IS NULL OR t.id < %(after)s::text)
  AND (%(before)s::text IS NULL OR t.id > %(before)s::text)
  AND (%(low)s::text IS NULL OR t.id >= %(low)s::text)
  AND (%(high)s::text IS NULL OR t.id < %(high)s::text)
  AND (%(gte)s::bigint IS NULL OR t.created >= to_timestamp(%(gte)s::bigint))
  AND (%(gt)s::bigint IS NULL OR t.created >= to_timestamp(%(gt)s::bigint + 1))
  AND (%(lte)s::bigint IS NULL OR t.created < to_timestamp(%(lte)s::bigint + 1))
  AND (%(lt)s::bigint IS NULL OR t.created < to_timestamp(%(lt)s::bigint))
ORDER BY t.id LIMIT %(limit)s;

-- name: balance_transaction_among
-- The lines of a currency in which the merchant has few payments, by the index on these; null where it
-- has many, which are found sooner by reading the newest lines.
WITH intent AS MATERIALIZED (
    SELECT id FROM payment_intent
    WHERE merchant_id = %(merchant_id)s AND currency = %(currency)s LIMIT %(limit)s)
SELECT CASE WHEN (SELECT count(*) FROM intent) < %(limit)s THEN ARRAY(
    SELECT t.id FROM balance_transaction t
    WHERE t.merchant_id = %(merchant_id)s AND t.source IN (
        SELECT c.id FROM intent i
        JOIN charge c ON c.merchant_id = %(merchant_id)s AND c.payment_intent = i.id
        UNION ALL
        SELECT r.id FROM intent i
        JOIN refund r ON r.merchant_id = %(merchant_id)s AND r.payment_intent = i.id)) END AS ids;

-- name: balance_transaction_one
SELECT t.*, c.funds, c.available_on AS charge_available_on FROM balance_transaction t
JOIN charge c ON c.merchant_id = t.merchant_id AND c.id = t.charge
WHERE t.merchant_id = %(merchant_id)s AND t.id = %(id)s;

-- name: charge_release_due
-- Due in real time, unless a test clock runs behind; then what is due only by a clock that is ahead.
-- The second part begins at the few clocks, and costs nothing where there are none.
(SELECT merchant_id, id FROM charge
 WHERE funds = 'pending' AND available_on <= %(now)s AND amount_refund_reserved = 0
   AND hold IS NULL AND available_on <= merchant_now(merchant_id, customer, %(now)s)
   AND id <> ALL (%(aside)s::text[])
 ORDER BY available_on LIMIT %(limit)s)
UNION ALL
(SELECT due.merchant_id, due.id
 FROM clocks_ahead(%(now)s) ahead
 CROSS JOIN LATERAL (
     SELECT c.merchant_id, c.id FROM charge c
     WHERE c.merchant_id = ahead.merchant_id AND c.funds = 'pending'
       AND c.available_on > %(now)s AND c.amount_refund_reserved = 0 AND c.hold IS NULL
       AND c.available_on <= merchant_now(c.merchant_id, c.customer, %(now)s)
       AND c.id <> ALL (%(aside)s::text[])
     LIMIT %(limit)s) due
 LIMIT %(limit)s);

-- name: charge_release_due_together
-- All of one merchant; those that bring the most come first, so that there is something to take from.
SELECT * FROM charge
WHERE merchant_id = %(merchant_id)s AND funds = 'pending' AND amount_refund_reserved = 0
  AND hold IS NULL AND available_on <= merchant_now(merchant_id, customer, %(now)s)
ORDER BY amount_captured - fee - amount_refunded DESC, id LIMIT %(limit)s;

-- name: charge_expiry_due
-- Due in real time, unless a test clock runs behind; then what is due only by a clock that is ahead.
-- One with an operation under way waits for its end, and must not stand in front of the others.
(SELECT merchant_id, id FROM charge c
 WHERE hold IS NOT NULL AND capture_before <= %(now)s
   AND capture_before <= merchant_now(merchant_id, customer, %(now)s)
   AND id <> ALL (%(aside)s::text[])
   AND EXISTS (
       SELECT FROM payment_intent i
       WHERE i.merchant_id = c.merchant_id AND i.id = c.payment_intent AND i.operation IS NULL)
 ORDER BY capture_before LIMIT %(limit)s)
UNION ALL
(SELECT due.merchant_id, due.id
 FROM clocks_ahead(%(now)s) ahead
 CROSS JOIN LATERAL (
     SELECT c.merchant_id, c.id FROM charge c
     WHERE c.merchant_id = ahead.merchant_id AND c.hold IS NOT NULL AND c.capture_before > %(now)s
       AND c.capture_before <= merchant_now(c.merchant_id, c.customer, %(now)s)
       AND c.id <> ALL (%(aside)s::text[])
       AND EXISTS (
           SELECT FROM payment_intent i
           WHERE i.merchant_id = c.merchant_id AND i.id = c.payment_intent AND i.operation IS NULL)
     LIMIT %(limit)s) due
 LIMIT %(limit)s);

-- name: payment_intent_window
SELECT t.id FROM payment_intent t
WHERE t.merchant_id = %(merchant_id)s AND (%(after)s::text IS NULL OR t.id < %(after)s::text)
  AND (%(high)s::text IS NULL OR t.id < %(high)s::text) AND /* condition */ true
ORDER BY t.id DESC OFFSET %(offset)s LIMIT 1;

-- name: payment_intent_narrow
SELECT t.id FROM payment_intent t
WHERE t.merchant_id = %(merchant_id)s AND NOT t.hidden AND /* condition */ true
LIMIT %(limit)s;

-- name: payment_intent_search
SELECT t.* FROM payment_intent t
WHERE t.merchant_id = %(merchant_id)s AND NOT t.hidden
  AND (%(after)s::text IS NULL OR t.id < %(after)s::text)
  AND (%(low)s::text IS NULL OR t.id >= %(low)s::text)
  AND (%(high)s::text IS NULL OR t.id < %(high)s::text)
  AND /* condition */ true
ORDER BY t.id DESC LIMIT %(limit)s;

-- name: payment_intent_count
SELECT count(*) AS count FROM (
    SELECT 1 FROM payment_intent t
    WHERE t.merchant_id = %(merchant_id)s AND NOT t.hidden
      AND (%(low)s::text IS NULL OR t.id >= %(low)s::text)
      AND (%(high)s::text IS NULL OR t.id < %(high)s::text)
      AND /* condition */ true
    LIMIT %(limit)s) found;

-- name: charge_window
SELECT t.id FROM charge t
WHERE t.merchant_id = %(merchant_id)s AND (%(after)s::text IS NULL OR t.id < %(after)s::text)
  AND (%(high)s::text IS NULL OR t.id < %(high)s::text) AND /* condition */ true
ORDER BY t.id DESC OFFSET %(offset)s LIMIT 1;

-- name: charge_narrow
SELECT t.id FROM charge t
WHERE t.merchant_id = %(merchant_id)s AND t.revision > 0 AND /* condition */ true
LIMIT %(limit)s;

-- name: charge_narrow_by_intent
-- The charges that may meet a condition on amount and currency: the last of the intents that meet
-- it, and of those before, which failed, all that do. Indexes on the charges' own amounts would cost
-- every payment; those on intents and on failed charges are there.
SELECT t.latest_charge AS id FROM payment_intent t
WHERE t.merchant_id = %(merchant_id)s AND t.latest_charge IS NOT NULL AND /* condition */ true
UNION ALL
SELECT t.id FROM charge t
WHERE t.merchant_id = %(merchant_id)s AND t.status = 'failed' AND /* condition */ true
LIMIT %(limit)s;

-- name: charge_search
SELECT t.* FROM charge t
WHERE t.merchant_id = %(merchant_id)s AND t.revision > 0
  AND (%(after)s::text IS NULL OR t.id < %(after)s::text)
  AND (%(low)s::text IS NULL OR t.id >= %(low)s::text)
  AND (%(high)s::text IS NULL OR t.id < %(high)s::text)
  AND /* condition */ true
ORDER BY t.id DESC LIMIT %(limit)s;

-- name: charge_count
SELECT count(*) AS count FROM (
    SELECT 1 FROM charge t
    WHERE t.merchant_id = %(merchant_id)s AND t.revision > 0
      AND (%(low)s::text IS NULL OR t.id >= %(low)s::text)
      AND (%(high)s::text IS NULL OR t.id < %(high)s::text)
      AND /* condition */ true
    LIMIT %(limit)s) found;
