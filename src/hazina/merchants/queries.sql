-- name: merchant_now
SELECT merchant_now(%(merchant_id)s::text, %(customer)s::text, %(real_now)s::timestamptz) AS now;

-- name: merchants_with_clocks
SELECT DISTINCT merchant_id FROM test_clock;

-- name: account_list
SELECT * FROM merchant
WHERE platform = %(platform)s
  AND (%(after)s::text IS NULL OR merchant_id < %(after)s::text)
  AND (%(gte)s::bigint IS NULL OR created >= to_timestamp(%(gte)s::bigint))
  AND (%(gt)s::bigint IS NULL OR created >= to_timestamp(%(gt)s::bigint + 1))
  AND (%(lte)s::bigint IS NULL OR created < to_timestamp(%(lte)s::bigint + 1))
  AND (%(lt)s::bigint IS NULL OR created < to_timestamp(%(lt)s::bigint))
ORDER BY merchant_id DESC LIMIT %(limit)s;

-- name: account_list_backwards
SELECT * FROM merchant
WHERE platform = %(platform)s
  AND merchant_id > %(before)s::text
  AND (%(gte)s::bigint IS NULL OR created >= to_timestamp(%(gte)s::bigint))
  AND (%(gt)s::bigint IS NULL OR created >= to_timestamp(%(gt)s::bigint + 1))
  AND (%(lte)s::bigint IS NULL OR created < to_timestamp(%(lte)s::bigint + 1))
  AND (%(lt)s::bigint IS NULL OR created < to_timestamp(%(lt)s::bigint))
ORDER BY merchant_id LIMIT %(limit)s;

-- name: api_key_list
SELECT * FROM api_key
WHERE merchant_id = %(merchant_id)s
  AND (%(after)s::text IS NULL OR id < %(after)s::text)
ORDER BY id DESC LIMIT %(limit)s;

-- name: api_key_list_backwards
SELECT * FROM api_key
WHERE merchant_id = %(merchant_id)s
  AND id > %(before)s::text
ORDER BY id LIMIT %(limit)s;

-- name: test_clock_list
SELECT * FROM test_clock
WHERE merchant_id = %(merchant_id)s AND NOT deleted
  AND (%(after)s::text IS NULL OR id < %(after)s::text)
ORDER BY id DESC LIMIT %(limit)s;

-- name: test_clock_list_backwards
SELECT * FROM test_clock
WHERE merchant_id = %(merchant_id)s AND NOT deleted AND id > %(before)s::text
  AND (%(after)s::text IS NULL OR id < %(after)s::text)
ORDER BY id LIMIT %(limit)s;

-- name: test_clocks_due
SELECT * FROM test_clock
WHERE NOT deleted AND (status = 'advancing' OR deletes_after < %(now)s);
