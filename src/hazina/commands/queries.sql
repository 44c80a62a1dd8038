-- name: command_due
SELECT *, coalesce(extract(epoch FROM now() - sent_at) * 1000, 0)::bigint AS sent_ago_ms
FROM command
WHERE (state = 'leased' AND lease_until < now())
   OR (state IN ('waiting', 'resend') AND next_at < now())
ORDER BY coalesce(next_at, lease_until) LIMIT %(limit)s;

-- name: command_by_reference
SELECT * FROM command WHERE id = %(id)s;

-- name: command_open_count
SELECT count(*) AS open, clock_timestamp() AS now FROM command WHERE state <> 'done';

-- name: commands_of_clock
SELECT c.*, (extract(epoch FROM c.next_at - now()) * 1000)::bigint AS wait_ms
FROM command c
JOIN payment_intent i ON i.merchant_id = c.merchant_id AND i.id = c.payment_intent
LEFT JOIN customer u ON u.merchant_id = i.merchant_id AND u.id = i.customer
WHERE c.merchant_id = %(merchant_id)s AND c.state IN ('waiting', 'resend') AND c.next_at > now()
  AND (u.test_clock = %(clock)s OR (%(whole)s AND u.test_clock IS NULL));
