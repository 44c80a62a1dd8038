-- name: worker_lags
-- Since when the oldest work of each loop has been waiting, or with which event; nothing where
-- nothing waits.
SELECT loop, since, event_id, now() AS now
FROM (
    SELECT 'fan_out' AS loop, NULL::timestamptz AS since, (
        SELECT e.id FROM event e, webhook_cursor c
        WHERE c.name = 'fan_out' AND (e.xid, e.position) > (c.xid::text::xid8, c.position)
        ORDER BY e.xid, e.position LIMIT 1
    ) AS event_id
    UNION ALL SELECT 'checkout', NULL, (
        SELECT e.id FROM event e, checkout_cursor c
        WHERE c.name = 'payments' AND (e.xid, e.position) > (c.xid::text::xid8, c.position)
        ORDER BY e.xid, e.position LIMIT 1
    )
    UNION ALL SELECT 'relay', NULL, (
        SELECT e.id FROM event e, relay r
        WHERE r.name = 'kafka' AND (e.xid, e.position) > (r.xid::text::xid8, r.position)
        ORDER BY e.xid, e.position LIMIT 1
    )
    UNION ALL SELECT 'deliver', (
        SELECT min(d.next_at) FROM webhook_endpoint w CROSS JOIN LATERAL (
            SELECT p.next_at FROM webhook_delivery p
            WHERE p.merchant_id = w.merchant_id AND p.endpoint = w.id AND p.state = 'pending'
            ORDER BY p.next_at LIMIT 1
        ) d
        WHERE w.status = 'enabled' AND NOT w.paused AND d.next_at <= now()
    ), NULL
    UNION ALL SELECT 'janitor', (
        SELECT min(due) FROM (
            SELECT min(lease_until) AS due FROM command WHERE state = 'leased'
            UNION ALL SELECT min(next_at) FROM command WHERE state IN ('waiting', 'resend')
        ) c WHERE due <= now()
    ), NULL
    UNION ALL SELECT 'inbox', (
        SELECT min(next_at) FROM inbox WHERE state = 'received' AND next_at <= now()
    ), NULL
) waiting
WHERE since IS NOT NULL OR event_id IS NOT NULL;
