-- name: inbox_due
SELECT * FROM inbox WHERE state = 'received' AND next_at < now()
ORDER BY next_at LIMIT %(limit)s;

-- name: inbox_parked_count
SELECT count(*) AS parked FROM inbox WHERE state = 'quarantined';
