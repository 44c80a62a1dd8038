-- name: customer_list
SELECT * FROM customer
WHERE merchant_id = %(merchant_id)s AND NOT deleted
  AND (%(after)s::text IS NULL OR id < %(after)s::text)
  AND test_clock IS NOT DISTINCT FROM %(test_clock)s::text
  AND (%(email)s::text IS NULL OR email = %(email)s::text)
  AND (%(low)s::text IS NULL OR id >= %(low)s::text)
  AND (%(high)s::text IS NULL OR id < %(high)s::text)
  AND (%(gte)s::bigint IS NULL OR created >= to_timestamp(%(gte)s::bigint))
  AND (%(gt)s::bigint IS NULL OR created >= to_timestamp(%(gt)s::bigint + 1))
  AND (%(lte)s::bigint IS NULL OR created < to_timestamp(%(lte)s::bigint + 1))
  AND (%(lt)s::bigint IS NULL OR created < to_timestamp(%(lt)s::bigint))
ORDER BY id DESC LIMIT %(limit)s;

-- name: customer_list_backwards
SELECT * FROM customer
WHERE merchant_id = %(merchant_id)s AND NOT deleted
  AND id > %(before)s::text
  AND test_clock IS NOT DISTINCT FROM %(test_clock)s::text
  AND (%(email)s::text IS NULL OR email = %(email)s::text)
  AND (%(low)s::text IS NULL OR id >= %(low)s::text)
  AND (%(high)s::text IS NULL OR id < %(high)s::text)
  AND (%(gte)s::bigint IS NULL OR created >= to_timestamp(%(gte)s::bigint))
  AND (%(gt)s::bigint IS NULL OR created >= to_timestamp(%(gt)s::bigint + 1))
  AND (%(lte)s::bigint IS NULL OR created < to_timestamp(%(lte)s::bigint + 1))
  AND (%(lt)s::bigint IS NULL OR created < to_timestamp(%(lt)s::bigint))
ORDER BY id LIMIT %(limit)s;

-- name: customer_window
SELECT t.id FROM customer t
WHERE t.merchant_id = %(merchant_id)s AND (%(after)s::text IS NULL OR t.id < %(after)s::text)
  AND (%(high)s::text IS NULL OR t.id < %(high)s::text) AND /* condition */ true
ORDER BY t.id DESC OFFSET %(offset)s LIMIT 1;

-- name: customer_narrow
SELECT t.id FROM customer t
WHERE t.merchant_id = %(merchant_id)s AND NOT t.deleted AND /* condition */ true
LIMIT %(limit)s;

-- name: customer_search
SELECT t.* FROM customer t
WHERE t.merchant_id = %(merchant_id)s AND NOT t.deleted
  AND (%(after)s::text IS NULL OR t.id < %(after)s::text)
  AND (%(low)s::text IS NULL OR t.id >= %(low)s::text)
  AND (%(high)s::text IS NULL OR t.id < %(high)s::text)
  AND /* condition */ true
ORDER BY t.id DESC LIMIT %(limit)s;

-- name: customer_count
SELECT count(*) AS count FROM (
    SELECT 1 FROM customer t
    WHERE t.merchant_id = %(merchant_id)s AND NOT t.deleted
      AND (%(low)s::text IS NULL OR t.id >= %(low)s::text)
      AND (%(high)s::text IS NULL OR t.id < %(high)s::text)
      AND /* condition */ true
    LIMIT %(limit)s) found;

-- name: customers_of_clock
SELECT id FROM customer
WHERE merchant_id = %(merchant_id)s AND test_clock = %(test_clock)s AND NOT deleted ORDER BY id;
