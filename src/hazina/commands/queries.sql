-- name: command_due
SELECT *, coalesce(extract(epoch FROM now() - sent_at) * 1000, 0)::bigint AS sent_ago_ms
FROM command
WHERE (state = 'leased' AND lease_until < now())
   OR (state IN ('waiting', 'resend') AND next_at < now())
ORDER BY coalesce(next_at, lease_until) LIMIT %(limit)s;

-- name: command_by_reference
SELECT * FROM command WHERE id = %(id)s;

-- name: command_open_count
SELECT count(*) AS open FROM command WHERE state <> 'done';
