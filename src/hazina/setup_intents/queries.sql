-- name: setup_intent_list
SELECT * FROM setup_intent
WHERE merchant_id = %(merchant_id)s
  AND (%(customer)s::text IS NULL OR customer = %(customer)s::text)
  AND (%(payment_method)s::text IS NULL OR payment_method = %(payment_method)s::text)
  AND (%(after)s::text IS NULL OR id < %(after)s::text)
  AND (%(gte)s::bigint IS NULL OR created >= to_timestamp(%(gte)s::bigint))
  AND (%(gt)s::bigint IS NULL OR created >= to_timestamp(%(gt)s::bigint + 1))
  AND (%(lte)s::bigint IS NULL OR created < to_timestamp(%(lte)s::bigint + 1))
  AND (%(lt)s::bigint IS NULL OR created < to_timestamp(%(lt)s::bigint))
ORDER BY id DESC LIMIT %(limit)s;

-- name: setup_intent_list_backwards
SELECT * FROM setup_intent
WHERE merchant_id = %(merchant_id)s
  AND (%(customer)s::text IS NULL OR customer = %(customer)s::text)
  AND (%(payment_method)s::text IS NULL OR payment_method = %(payment_method)s::text)
  AND id > %(before)s::text
  AND (%(gte)s::bigint IS NULL OR created >= to_timestamp(%(gte)s::bigint))
  AND (%(gt)s::bigint IS NULL OR created >= to_timestamp(%(gt)s::bigint + 1))
  AND (%(lte)s::bigint IS NULL OR created < to_timestamp(%(lte)s::bigint + 1))
  AND (%(lt)s::bigint IS NULL OR created < to_timestamp(%(lt)s::bigint))
ORDER BY id LIMIT %(limit)s;

-- name: setup_attempt_list
SELECT * FROM setup_attempt
WHERE merchant_id = %(merchant_id)s
  AND setup_intent = %(setup_intent)s::text
  AND (%(after)s::text IS NULL OR id < %(after)s::text)
  AND (%(gte)s::bigint IS NULL OR created >= to_timestamp(%(gte)s::bigint))
  AND (%(gt)s::bigint IS NULL OR created >= to_timestamp(%(gt)s::bigint + 1))
  AND (%(lte)s::bigint IS NULL OR created < to_timestamp(%(lte)s::bigint + 1))
  AND (%(lt)s::bigint IS NULL OR created < to_timestamp(%(lt)s::bigint))
ORDER BY id DESC LIMIT %(limit)s;

-- name: setup_attempt_list_backwards
SELECT * FROM setup_attempt
WHERE merchant_id = %(merchant_id)s
  AND setup_intent = %(setup_intent)s::text
  AND id > %(before)s::text
  AND (%(gte)s::bigint IS NULL OR created >= to_timestamp(%(gte)s::bigint))
  AND (%(gt)s::bigint IS NULL OR created >= to_timestamp(%(gt)s::bigint + 1))
  AND (%(lte)s::bigint IS NULL OR created < to_timestamp(%(lte)s::bigint + 1))
  AND (%(lt)s::bigint IS NULL OR created < to_timestamp(%(lt)s::bigint))
ORDER BY id LIMIT %(limit)s;
