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
LIMIT %(limit)s;

-- name: webhook_log_end
-- The newest event that no older commit can still precede.
SELECT xid::text AS xid, position FROM event
WHERE (xid, position) > (%(xid)s::text::xid8, %(position)s::bigint)
  AND xid < pg_snapshot_xmin(pg_current_snapshot())
ORDER BY xid DESC, position DESC LIMIT 1;

-- name: webhook_deliveries_due
-- Each enabled endpoint offers a few, so that one with a long backlog takes nobody's turn.
SELECT d.merchant_id, d.endpoint, d.event_id, d.attempts, d.version, w.url, w.secret, e.body,
    a.account_id AS account
FROM webhook_endpoint w
CROSS JOIN LATERAL (
    SELECT * FROM webhook_delivery p
    WHERE p.merchant_id = w.merchant_id AND p.endpoint = w.id
      AND p.state = 'pending' AND p.next_at <= now()
    ORDER BY p.next_at, p.position LIMIT %(per_endpoint)s
) d
JOIN event e ON e.merchant_id = coalesce(d.event_merchant, d.merchant_id) AND e.id = d.event_id
LEFT JOIN merchant a ON a.merchant_id = d.event_merchant
WHERE w.status = 'enabled'
  AND NOT (w.id = ANY (%(busy)s::text[]))
ORDER BY d.next_at, d.position;

-- name: webhook_deliveries_count
SELECT state, count(*)::bigint AS count FROM webhook_delivery
WHERE merchant_id = %(merchant_id)s AND endpoint = %(endpoint)s GROUP BY state;
