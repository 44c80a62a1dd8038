-- name: idempotency_lookup
SELECT merchant_id, route, key, digest, operation, fence, answered, code, body, version,
       request_id, coalesce(lease_until < now(), true) AS expired
FROM idempotency_key
WHERE merchant_id = %(merchant_id)s AND route = %(route)s AND key = %(key)s;

-- name: idempotency_old
SELECT merchant_id, route, key, version FROM idempotency_key
WHERE created < %(before)s ORDER BY created LIMIT 500;
