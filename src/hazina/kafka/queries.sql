-- name: relay_place
-- Whether somebody holds it is judged by the database's clock, as every lease is.
SELECT xid::text AS xid, position, holder, lease_until > now() AS held, version FROM relay
WHERE name = %(name)s;

-- name: relay_forward
-- `aside` are those that the broker keeps refusing: they are passed over.
SELECT merchant_id, id, type, object_id, sequence, created, body, xid::text AS xid, position,
    EXISTS (
        SELECT 1 FROM relay_quarantine q
        WHERE q.merchant_id = event.merchant_id AND q.event_id = event.id
    ) AS aside
FROM event
WHERE (xid, position) > (%(xid)s::text::xid8, %(position)s::bigint)
  AND xid < pg_snapshot_xmin(pg_current_snapshot())
ORDER BY event.xid, event.position LIMIT %(limit)s;

-- name: relay_oldest
-- The first event that was not relayed, also one that an older commit may still precede.
SELECT e.id FROM event e, relay r
WHERE r.name = %(name)s AND (e.xid, e.position) > (r.xid::text::xid8, r.position)
ORDER BY e.xid, e.position LIMIT 1;

-- name: relay_quarantined
SELECT merchant_id, event_id, reason, created, version FROM relay_quarantine
ORDER BY created, event_id LIMIT %(limit)s;

-- name: relay_quarantined_events
SELECT e.merchant_id, e.id, e.type, e.object_id, e.sequence, e.created, e.body, q.version
FROM relay_quarantine q
JOIN event e ON e.merchant_id = q.merchant_id AND e.id = q.event_id
ORDER BY e.xid, e.position LIMIT %(limit)s;
