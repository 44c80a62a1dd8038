-- name: checkout_session_address
-- A visitor of the page has no key: the id that nobody can guess is what lets them in.
SELECT * FROM checkout_session WHERE id = %(id)s;

-- name: payment_link_address
SELECT * FROM payment_link WHERE id = %(id)s;

-- name: checkout_session_list
SELECT * FROM checkout_session
WHERE merchant_id = %(merchant_id)s
  AND (%(after)s::text IS NULL OR id < %(after)s::text)
  AND (%(customer)s::text IS NULL OR customer = %(customer)s::text)
  AND (%(payment_intent)s::text IS NULL OR payment_intent = %(payment_intent)s::text)
  AND (%(payment_link)s::text IS NULL OR payment_link = %(payment_link)s::text)
  AND (%(status)s::text IS NULL OR status = %(status)s::text)
  AND (%(gte)s::bigint IS NULL OR created >= to_timestamp(%(gte)s::bigint))
  AND (%(gt)s::bigint IS NULL OR created >= to_timestamp(%(gt)s::bigint + 1))
  AND (%(lte)s::bigint IS NULL OR created < to_timestamp(%(lte)s::bigint + 1))
  AND (%(lt)s::bigint IS NULL OR created < to_timestamp(%(lt)s::bigint))
ORDER BY id DESC LIMIT %(limit)s;

-- name: checkout_session_list_backwards
SELECT * FROM checkout_session
WHERE merchant_id = %(merchant_id)s
  AND id > %(before)s::text
  AND (%(customer)s::text IS NULL OR customer = %(customer)s::text)
  AND (%(payment_intent)s::text IS NULL OR payment_intent = %(payment_intent)s::text)
  AND (%(payment_link)s::text IS NULL OR payment_link = %(payment_link)s::text)
  AND (%(status)s::text IS NULL OR status = %(status)s::text)
  AND (%(gte)s::bigint IS NULL OR created >= to_timestamp(%(gte)s::bigint))
  AND (%(gt)s::bigint IS NULL OR created >= to_timestamp(%(gt)s::bigint + 1))
  AND (%(lte)s::bigint IS NULL OR created < to_timestamp(%(lte)s::bigint + 1))
  AND (%(lt)s::bigint IS NULL OR created < to_timestamp(%(lt)s::bigint))
ORDER BY id LIMIT %(limit)s;

-- name: payment_link_list
SELECT * FROM payment_link
WHERE merchant_id = %(merchant_id)s
  AND (%(after)s::text IS NULL OR id < %(after)s::text)
  AND (%(active)s::boolean IS NULL OR active = %(active)s::boolean)
ORDER BY id DESC LIMIT %(limit)s;

-- name: payment_link_list_backwards
SELECT * FROM payment_link
WHERE merchant_id = %(merchant_id)s
  AND id > %(before)s::text
  AND (%(active)s::boolean IS NULL OR active = %(active)s::boolean)
ORDER BY id LIMIT %(limit)s;

-- name: checkout_session_due
-- Due in real time, unless a test clock runs behind; then what is due only by a clock that is ahead.
(SELECT merchant_id, id FROM checkout_session
 WHERE status = 'open' AND look_at <= %(now)s
   AND look_at <= merchant_now(merchant_id, customer, %(now)s)
 ORDER BY look_at LIMIT %(limit)s)
UNION ALL
(SELECT due.merchant_id, due.id
 FROM clocks_ahead(%(now)s) ahead
 CROSS JOIN LATERAL (
     SELECT s.merchant_id, s.id FROM checkout_session s
     WHERE s.merchant_id = ahead.merchant_id AND s.status = 'open' AND s.look_at > %(now)s
       AND s.look_at <= merchant_now(s.merchant_id, s.customer, %(now)s)
     LIMIT %(limit)s) due
 LIMIT %(limit)s);

-- name: checkout_paid_or_not
-- The next stretch of the event log: its end, and the sessions whose payments changed within it.
WITH stretch AS MATERIALIZED (
    SELECT xid, position, merchant_id, object_id, type FROM event
    WHERE (xid, position) > (%(xid)s::text::xid8, %(position)s::bigint)
      AND xid < pg_snapshot_xmin(pg_current_snapshot())
    ORDER BY xid, position LIMIT %(limit)s
)
(SELECT xid::text AS xid, position, NULL AS merchant_id, NULL AS id,
        (SELECT count(*) FROM stretch) AS events FROM stretch
 ORDER BY stretch.xid DESC, position DESC LIMIT 1)
UNION ALL
(SELECT DISTINCT NULL, NULL::bigint, s.merchant_id, s.id, NULL::bigint FROM stretch e
 JOIN checkout_session s ON s.merchant_id = e.merchant_id AND s.payment_intent = e.object_id
 WHERE s.payment_status = 'unpaid' AND s.status <> 'expired'
   AND e.type IN ('payment_intent.succeeded', 'payment_intent.amount_capturable_updated',
                  'payment_intent.canceled', 'payment_intent.payment_failed'));
