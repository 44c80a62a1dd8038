-- name: consumed_known
SELECT event_id FROM consumed
WHERE consumer = %(consumer)s AND event_id = ANY (%(ids)s::text[]);

-- name: consumed_old
SELECT event_id FROM consumed
WHERE consumer = %(consumer)s AND applied < %(before)s
ORDER BY applied LIMIT %(limit)s;

-- name: parked_due
SELECT * FROM parked_record
WHERE consumer = %(consumer)s AND state = 'waiting' AND next_at <= now()
ORDER BY next_at LIMIT %(limit)s;

-- name: parked_list
SELECT * FROM parked_record
WHERE (%(consumer)s::text IS NULL OR consumer = %(consumer)s)
  AND (%(state)s::text IS NULL OR state = %(state)s)
ORDER BY received, event_id LIMIT %(limit)s;
