-- name: inbox_due
-- What is parked waits for a command with its reference, and in the end for its time.
SELECT * FROM inbox WHERE state = 'received' AND next_at < now()
UNION ALL
SELECT i.* FROM inbox i
WHERE i.state = 'parked'
  AND (i.next_at < now() OR EXISTS (SELECT 1 FROM command c WHERE c.id = i.reference))
ORDER BY next_at LIMIT %(limit)s;

-- name: inbox_counts
SELECT state, count(*)::bigint AS count, min(received) AS oldest FROM inbox
WHERE state <> 'applied' GROUP BY state;

-- name: inbox_held
-- Callbacks that were not applied, the oldest first; their id is that of the index `inbox_by_id`.
SELECT 'cb_' || md5(connector || chr(31) || deduplication_key) AS id, connector,
    deduplication_key, reference, state, tries, reason, received, version
FROM inbox
WHERE state = ANY (%(states)s::text[])
  AND (%(id)s::text IS NULL
       OR md5(connector || chr(31) || deduplication_key) = substr(%(id)s::text, 4))
ORDER BY received, deduplication_key LIMIT %(limit)s;

-- name: inbox_old
SELECT connector, deduplication_key, version FROM inbox
WHERE state = 'applied' AND received < %(before)s LIMIT %(limit)s;
