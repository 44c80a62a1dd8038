-- name: webhook_endpoint_list
SELECT * FROM webhook_endpoint
WHERE merchant_id = %(merchant_id)s
  AND (%(after)s::text IS NULL OR id < %(after)s::text)
ORDER BY id DESC LIMIT %(limit)s;

-- name: webhook_endpoint_list_backwards
SELECT * FROM webhook_endpoint
WHERE merchant_id = %(merchant_id)s
  AND id > %(before)s::text
ORDER BY id LIMIT %(limit)s;

-- name: webhook_endpoints_enabled
-- Whose events each endpoint hears: its own merchant's or, with `connect`, those of the accounts
-- that are connected to its merchant.
SELECT merchant_id, id, enabled_events, created, merchant_id AS event_merchant
FROM webhook_endpoint
WHERE status = 'enabled' AND NOT connect
  AND (%(merchants)s::text[] IS NULL OR merchant_id = ANY (%(merchants)s::text[]))
UNION ALL
SELECT w.merchant_id, w.id, w.enabled_events, w.created, m.merchant_id AS event_merchant
FROM merchant m
JOIN webhook_endpoint w ON w.merchant_id = m.platform
WHERE w.status = 'enabled' AND w.connect AND m.platform IS NOT NULL
  AND (%(merchants)s::text[] IS NULL OR m.merchant_id = ANY (%(merchants)s::text[]))
LIMIT %(limit)s::bigint;

-- name: webhook_log_end
-- The newest event that no older commit can still precede.
SELECT xid::text AS xid, position FROM event
WHERE (xid, position) > (%(xid)s::text::xid8, %(position)s::bigint)
  AND xid < pg_snapshot_xmin(pg_current_snapshot())
ORDER BY event.xid DESC, event.position DESC LIMIT 1;

-- name: webhook_deliveries_due
-- Each endpoint offers as many as it has room for, so that a long backlog takes nobody's turn.
-- `waiting` steps through the index from endpoint to endpoint: those without anything cost nothing.
WITH RECURSIVE waiting AS (
    (SELECT merchant_id, endpoint FROM webhook_delivery
     WHERE state = 'pending' ORDER BY merchant_id, endpoint LIMIT 1)
    UNION ALL
    SELECT n.merchant_id, n.endpoint FROM waiting k
    CROSS JOIN LATERAL (
        SELECT p.merchant_id, p.endpoint FROM webhook_delivery p
        WHERE p.state = 'pending' AND (p.merchant_id, p.endpoint) > (k.merchant_id, k.endpoint)
        ORDER BY p.merchant_id, p.endpoint LIMIT 1
    ) n
)
SELECT d.merchant_id, d.endpoint, d.event_id, d.attempts, d.schedule_from, d.sending, d.version,
    w.url, w.secret, w.old_secret, w.old_secret_until, w.failing_since, e.body,
    a.account_id AS account
FROM waiting k
JOIN webhook_endpoint w ON w.merchant_id = k.merchant_id AND w.id = k.endpoint
LEFT JOIN unnest(%(endpoints)s::text[], %(rooms)s::bigint[]) AS r(endpoint, room)
    ON r.endpoint = w.id
CROSS JOIN LATERAL (
    SELECT * FROM webhook_delivery p
    WHERE p.merchant_id = w.merchant_id AND p.endpoint = w.id
      AND p.state = 'pending' AND p.next_at <= now()
    ORDER BY p.next_at, p.position LIMIT coalesce(r.room, %(room)s::bigint)
) d
JOIN event e ON e.merchant_id = coalesce(d.event_merchant, d.merchant_id) AND e.id = d.event_id
LEFT JOIN merchant a ON a.merchant_id = d.event_merchant
WHERE w.status = 'enabled' AND NOT w.paused
ORDER BY d.next_at, d.position;

-- name: webhook_deliveries_count
SELECT state, count(*)::bigint AS count FROM webhook_delivery
WHERE merchant_id = %(merchant_id)s AND endpoint = %(endpoint)s GROUP BY state;

-- name: webhook_delivery_list
SELECT * FROM webhook_delivery
WHERE merchant_id = %(merchant_id)s AND endpoint = %(endpoint)s
  AND (%(state)s::text IS NULL OR state = %(state)s::text)
  AND (%(after)s::text IS NULL OR event_id < %(after)s::text)
ORDER BY event_id DESC LIMIT %(limit)s;

-- name: webhook_delivery_list_backwards
SELECT * FROM webhook_delivery
WHERE merchant_id = %(merchant_id)s AND endpoint = %(endpoint)s
  AND (%(state)s::text IS NULL OR state = %(state)s::text)
  AND event_id > %(before)s::text
ORDER BY event_id LIMIT %(limit)s;

-- name: webhook_delivery_exists
SELECT 1 FROM webhook_delivery
WHERE merchant_id = %(merchant_id)s AND endpoint = %(endpoint)s AND event_id = %(id)s;

-- name: webhook_attempt_list
SELECT * FROM webhook_attempt
WHERE merchant_id = %(merchant_id)s AND endpoint = %(endpoint)s
  AND (%(event)s::text IS NULL OR event_id = %(event)s::text)
  AND (%(after)s::text IS NULL OR id < %(after)s::text)
ORDER BY id DESC LIMIT %(limit)s;

-- name: webhook_attempt_list_backwards
SELECT * FROM webhook_attempt
WHERE merchant_id = %(merchant_id)s AND endpoint = %(endpoint)s
  AND (%(event)s::text IS NULL OR event_id = %(event)s::text)
  AND id > %(before)s::text
ORDER BY id LIMIT %(limit)s;

-- name: webhook_attempt_exists
SELECT 1 FROM webhook_attempt
WHERE merchant_id = %(merchant_id)s AND endpoint = %(endpoint)s AND id = %(id)s;

-- name: webhook_replay_next
-- A version is a step: the one that got on least goes first, so a long replay delays nobody's.
SELECT * FROM webhook_replay WHERE state = 'running' ORDER BY version, created LIMIT 1;

-- name: webhook_replay_one
-- The event may be the merchant's own or, for an endpoint with `connect`, a connected account's.
SELECT e.id AS event_id, e.position, nullif(e.merchant_id, w.merchant_id) AS event_merchant,
    d.version, d.attempts, d.sending, d.last_status, d.created, w.id AS endpoint
FROM webhook_endpoint w
JOIN event e ON e.id = %(event)s AND e.merchant_id IN (
    SELECT w.merchant_id WHERE NOT w.connect
    UNION ALL
    SELECT m.merchant_id FROM merchant m WHERE w.connect AND m.platform = w.merchant_id)
LEFT JOIN webhook_delivery d
    ON d.merchant_id = w.merchant_id AND d.endpoint = w.id AND d.event_id = e.id
WHERE w.merchant_id = %(merchant_id)s AND w.id = %(endpoint)s;

-- name: webhook_replay_all
SELECT e.id AS event_id, e.position, e.type, w.enabled_events,
    nullif(e.merchant_id, w.merchant_id) AS event_merchant,
    d.version, d.attempts, d.sending, d.last_status, d.created, w.id AS endpoint
FROM webhook_endpoint w
JOIN event e ON e.merchant_id IN (
    SELECT w.merchant_id WHERE NOT w.connect
    UNION ALL
    SELECT m.merchant_id FROM merchant m WHERE w.connect AND m.platform = w.merchant_id)
LEFT JOIN webhook_delivery d
    ON d.merchant_id = w.merchant_id AND d.endpoint = w.id AND d.event_id = e.id
WHERE w.merchant_id = %(merchant_id)s AND w.id = %(endpoint)s
  AND e.id > %(after)s::text
  AND (%(low)s::text IS NULL OR e.id >= %(low)s::text)
  AND (%(high)s::text IS NULL OR e.id < %(high)s::text)
ORDER BY e.id LIMIT %(limit)s;

-- name: webhook_replay_failed
SELECT d.event_id, d.position, d.event_merchant, d.version, d.attempts, d.sending, d.last_status,
    d.created, d.endpoint
FROM webhook_delivery d
WHERE d.merchant_id = %(merchant_id)s AND d.endpoint = %(endpoint)s AND d.state = 'failed'
  AND d.event_id > %(after)s::text
  AND (%(low)s::text IS NULL OR d.event_id >= %(low)s::text)
  AND (%(high)s::text IS NULL OR d.event_id < %(high)s::text)
ORDER BY d.event_id LIMIT %(limit)s;

-- name: webhook_attempts_old
-- Of deliveries that arrived; the others may still need them. Ids tell when they were made.
WITH RECURSIVE told AS (
    (SELECT merchant_id, endpoint FROM webhook_attempt ORDER BY merchant_id, endpoint LIMIT 1)
    UNION ALL
    SELECT n.merchant_id, n.endpoint FROM told k
    CROSS JOIN LATERAL (
        SELECT p.merchant_id, p.endpoint FROM webhook_attempt p
        WHERE (p.merchant_id, p.endpoint) > (k.merchant_id, k.endpoint)
        ORDER BY p.merchant_id, p.endpoint LIMIT 1
    ) n
)
SELECT o.merchant_id, o.endpoint, o.event_id, o.id FROM told k
CROSS JOIN LATERAL (
    SELECT a.merchant_id, a.endpoint, a.event_id, a.id FROM webhook_attempt a
    WHERE a.merchant_id = k.merchant_id AND a.endpoint = k.endpoint
      AND a.id < %(before)s::text
      AND NOT EXISTS (
          SELECT 1 FROM webhook_delivery d
          WHERE d.merchant_id = a.merchant_id AND d.endpoint = a.endpoint
            AND d.event_id = a.event_id AND d.state <> 'delivered'
      )
    ORDER BY a.id LIMIT %(limit)s
) o
LIMIT %(limit)s;

-- name: webhook_deliveries_orphaned
-- Of endpoints that were deleted: they never will be delivered.
WITH RECURSIVE told AS (
    (SELECT merchant_id, endpoint FROM webhook_delivery ORDER BY merchant_id, endpoint LIMIT 1)
    UNION ALL
    SELECT n.merchant_id, n.endpoint FROM told k
    CROSS JOIN LATERAL (
        SELECT p.merchant_id, p.endpoint FROM webhook_delivery p
        WHERE (p.merchant_id, p.endpoint) > (k.merchant_id, k.endpoint)
        ORDER BY p.merchant_id, p.endpoint LIMIT 1
    ) n
)
SELECT o.merchant_id, o.endpoint, o.event_id, o.version FROM told k
CROSS JOIN LATERAL (
    SELECT d.merchant_id, d.endpoint, d.event_id, d.version FROM webhook_delivery d
    WHERE d.merchant_id = k.merchant_id AND d.endpoint = k.endpoint
    ORDER BY d.event_id LIMIT %(limit)s
) o
WHERE NOT EXISTS (
    SELECT 1 FROM webhook_endpoint w WHERE w.merchant_id = k.merchant_id AND w.id = k.endpoint
)
LIMIT %(limit)s;

-- name: webhook_deliveries_old
-- Only those without attempts: one that was sent anew lately keeps its young ones.
WITH RECURSIVE told AS (
    (SELECT merchant_id, endpoint FROM webhook_delivery ORDER BY merchant_id, endpoint LIMIT 1)
    UNION ALL
    SELECT n.merchant_id, n.endpoint FROM told k
    CROSS JOIN LATERAL (
        SELECT p.merchant_id, p.endpoint FROM webhook_delivery p
        WHERE (p.merchant_id, p.endpoint) > (k.merchant_id, k.endpoint)
        ORDER BY p.merchant_id, p.endpoint LIMIT 1
    ) n
)
SELECT o.merchant_id, o.endpoint, o.event_id, o.version FROM told k
CROSS JOIN LATERAL (
    SELECT d.merchant_id, d.endpoint, d.event_id, d.version FROM webhook_delivery d
    WHERE d.merchant_id = k.merchant_id AND d.endpoint = k.endpoint
      AND d.event_id < %(before)s::text AND d.state = 'delivered'
      AND NOT EXISTS (
          SELECT 1 FROM webhook_attempt a
          WHERE a.merchant_id = d.merchant_id AND a.endpoint = d.endpoint
            AND a.event_id = d.event_id
      )
    ORDER BY d.event_id LIMIT %(limit)s
) o
LIMIT %(limit)s;
