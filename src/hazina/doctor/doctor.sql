-- What `hazina doctor` asks besides the invariants. `late_s` is by how much something is overdue.

-- name: doctor_stuck
SELECT 'commands_overdue' AS what, count(*) AS count, min(id) AS example,
       coalesce(max(extract(epoch FROM now() - coalesce(next_at, lease_until))), 0)::bigint AS late_s
FROM command
WHERE (state = 'leased' AND lease_until < now() - make_interval(secs => %(patience_s)s))
   OR (state IN ('waiting', 'resend') AND next_at < now() - make_interval(secs => %(patience_s)s))
UNION ALL
SELECT 'outcomes_unknown', count(*), min(id),
       coalesce(max(extract(epoch FROM now() - created)), 0)::bigint
FROM command WHERE state IN ('waiting', 'resend') AND created < now() - interval '24 hours'
    AND coalesce(evidence, '') NOT LIKE '%%not decided yet%%'
    AND coalesce(evidence, '') <> 'action_required'
UNION ALL
SELECT 'callbacks_overdue', count(*), min(reference),
       coalesce(max(extract(epoch FROM now() - next_at)), 0)::bigint
FROM inbox WHERE state = 'received' AND next_at < now() - make_interval(secs => %(patience_s)s)
UNION ALL
SELECT 'callbacks_quarantined', count(*), min(reference), 0
FROM inbox WHERE state = 'quarantined'
UNION ALL
SELECT 'funds_overdue', count(*), min(id),
       coalesce(max(extract(epoch FROM now() - available_on)), 0)::bigint
FROM charge
WHERE funds = 'pending' AND available_on <= now() - interval '15 minutes'
  AND amount_refund_reserved = 0 AND hold IS NULL
  AND available_on <= merchant_now(merchant_id, customer, now()) - interval '15 minutes'
UNION ALL
SELECT 'expiries_overdue', count(*), min(id),
       coalesce(max(extract(epoch FROM now() - capture_before)), 0)::bigint
FROM charge
WHERE hold IS NOT NULL AND capture_before <= now() - interval '15 minutes'
  AND capture_before <= merchant_now(merchant_id, customer, now()) - interval '15 minutes'
UNION ALL
SELECT 'clocks_stuck', count(*), min(id), 0
FROM test_clock WHERE status = 'internal_failure' AND NOT deleted
UNION ALL
SELECT 'deliveries_overdue', count(*), min(d.event_id),
       coalesce(max(extract(epoch FROM now() - d.next_at)), 0)::bigint
FROM webhook_delivery d
JOIN webhook_endpoint w ON w.merchant_id = d.merchant_id AND w.id = d.endpoint
WHERE d.state = 'pending' AND w.status = 'enabled'
  AND d.next_at < now() - make_interval(secs => %(patience_s)s)
UNION ALL
SELECT 'events_quarantined', count(*), min(event_id), 0 FROM relay_quarantine;

-- name: doctor_lags
-- The oldest event that a reader of the log has not passed, whose id tells its age; `created` may be
-- a test clock's. The bound is the readers' own.
SELECT c.reader, count(e.id) AS count, min(e.id) AS oldest, now() AS now
FROM (
    SELECT 'webhooks' AS reader, xid, position FROM webhook_cursor
    UNION ALL SELECT 'checkout', xid, position FROM checkout_cursor
    UNION ALL SELECT 'relay', xid, position FROM relay
) c
LEFT JOIN LATERAL (
    SELECT id FROM event
    WHERE (xid, position) > (c.xid::text::xid8, c.position)
      AND xid < pg_snapshot_xmin(pg_current_snapshot())
    ORDER BY xid, position LIMIT 10000
) e ON true
GROUP BY c.reader;

-- name: doctor_server
SELECT
    (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend') AS connections,
    current_setting('max_connections')::bigint AS connections_max,
    (SELECT coalesce(max(extract(epoch FROM now() - xact_start)), 0)::bigint FROM pg_stat_activity
     WHERE state <> 'idle' AND backend_type = 'client backend' AND pid <> pg_backend_pid())
        AS oldest_s,
    (SELECT count(*) FROM writer_slot WHERE lease_until > now()) AS writers,
    (SELECT (substring(pg_get_expr(relpartbound, oid) FROM '\d+')::bigint / 1000000000
             - extract(epoch FROM now()))::bigint / 86400
     FROM pg_class WHERE oid = to_regclass('account_history_later') AND relispartition)
        AS days_of_months,
    pg_is_in_recovery() AS replica,
    current_setting('fsync') = 'on' AND current_setting('synchronous_commit') <> 'off' AS safe;
