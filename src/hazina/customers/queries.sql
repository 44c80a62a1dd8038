-- name: customer_list
SELECT * FROM customer
WHERE merchant_id = %(merchant_id)s AND NOT deleted
  AND (%(after)s::text IS NULL OR id < %(after)s::text)
  AND (%(email)s::text IS NULL OR email = %(email)s::text)
  AND (%(gte)s::bigint IS NULL OR created >= to_timestamp(%(gte)s::bigint))
  AND (%(gt)s::bigint IS NULL OR created >= to_timestamp(%(gt)s::bigint + 1))
  AND (%(lte)s::bigint IS NULL OR created < to_timestamp(%(lte)s::bigint + 1))
  AND (%(lt)s::bigint IS NULL OR created < to_timestamp(%(lt)s::bigint))
ORDER BY id DESC LIMIT %(limit)s;

-- name: customer_list_backwards
SELECT * FROM customer
WHERE merchant_id = %(merchant_id)s AND NOT deleted
  AND id > %(before)s::text
  AND (%(email)s::text IS NULL OR email = %(email)s::text)
  AND (%(gte)s::bigint IS NULL OR created >= to_timestamp(%(gte)s::bigint))
  AND (%(gt)s::bigint IS NULL OR created >= to_timestamp(%(gt)s::bigint + 1))
  AND (%(lte)s::bigint IS NULL OR created < to_timestamp(%(lte)s::bigint + 1))
  AND (%(lt)s::bigint IS NULL OR created < to_timestamp(%(lt)s::bigint))
ORDER BY id LIMIT %(limit)s;
