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
SELECT merchant_id, id, enabled_events, created FROM webhook_endpoint
WHERE status = 'enabled'
  AND (%(merchants)s::text[] IS NULL OR merchant_id = ANY (%(merchants)s::text[]))
LIMIT %(limit)s;

-- name: webhook_log_end
-- The newest event that no older commit can still precede.
SELECT xid::text AS xid, position FROM event
WHERE (xid, position) > (%(xid)s::text::xid8, %(position)s::bigint)
  AND xid < pg_snapshot_xmin(pg_current_snapshot())
ORDER BY xid DESC, position DESC LIMIT 1;

-- name: webhook_deliveries_due
-- Each enabled endpoint offers a few, so that one with a long backlog takes nobody's turn.
SELECT d.merchant_id, d.endpoint, d.event_id, d.attempts, d.version, w.url, w.secret, e.body
FROM webhook_endpoint w
CROSS JOIN LATERAL (
    SELECT * FROM webhook_delivery p
    WHERE p.merchant_id = w.merchant_id AND p.endpoint = w.id
      AND p.state = 'pending' AND p.next_at <= now()
    ORDER BY p.next_at, p.position LIMIT %(per_endpoint)s
) d
JOIN event e ON e.merchant_id = d.merchant_id AND e.id = d.event_id
WHERE w.status = 'enabled'
  AND NOT (w.id = ANY (%(busy)s::text[]))
ORDER BY d.next_at, d.position;

-- name: webhook_deliveries_count
SELECT state, count(*)::bigint AS count FROM webhook_delivery
WHERE merchant_id = %(merchant_id)s AND endpoint = %(endpoint)s GROUP BY state;
