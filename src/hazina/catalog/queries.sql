-- name: product_list
-- Ordered by time first, because clients may choose a product's id.
SELECT * FROM product
WHERE merchant_id = %(merchant_id)s AND NOT deleted
  AND (%(after)s::text IS NULL OR (created, id) < (%(cursor_created)s::timestamptz, %(after)s::text))
  AND (%(ids)s::text[] IS NULL OR id = ANY (%(ids)s::text[]))
  AND (%(active)s::boolean IS NULL OR active = %(active)s::boolean)
  AND (%(shippable)s::boolean IS NULL OR (details -> 'shippable')::boolean = %(shippable)s::boolean)
  AND (%(url)s::text IS NULL OR details ->> 'url' = %(url)s::text)
  AND (%(gte)s::bigint IS NULL OR created >= to_timestamp(%(gte)s::bigint))
  AND (%(gt)s::bigint IS NULL OR created >= to_timestamp(%(gt)s::bigint + 1))
  AND (%(lte)s::bigint IS NULL OR created < to_timestamp(%(lte)s::bigint + 1))
  AND (%(lt)s::bigint IS NULL OR created < to_timestamp(%(lt)s::bigint))
ORDER BY created DESC, id DESC LIMIT %(limit)s;

-- name: product_list_backwards
SELECT * FROM product
WHERE merchant_id = %(merchant_id)s AND NOT deleted
  AND (created, id) > (%(cursor_created)s::timestamptz, %(before)s::text)
  AND (%(ids)s::text[] IS NULL OR id = ANY (%(ids)s::text[]))
  AND (%(active)s::boolean IS NULL OR active = %(active)s::boolean)
  AND (%(shippable)s::boolean IS NULL OR (details -> 'shippable')::boolean = %(shippable)s::boolean)
  AND (%(url)s::text IS NULL OR details ->> 'url' = %(url)s::text)
  AND (%(gte)s::bigint IS NULL OR created >= to_timestamp(%(gte)s::bigint))
  AND (%(gt)s::bigint IS NULL OR created >= to_timestamp(%(gt)s::bigint + 1))
  AND (%(lte)s::bigint IS NULL OR created < to_timestamp(%(lte)s::bigint + 1))
  AND (%(lt)s::bigint IS NULL OR created < to_timestamp(%(lt)s::bigint))
ORDER BY created, id LIMIT %(limit)s;

-- name: price_list
-- Active or not, inline prices are not offered: each belongs to one sale.
SELECT * FROM price
WHERE merchant_id = %(merchant_id)s AND NOT inline
  AND (%(after)s::text IS NULL OR id < %(after)s::text)
  AND (%(product)s::text IS NULL OR product = %(product)s::text)
  AND (%(currency)s::text IS NULL OR currency = %(currency)s::text)
  AND (%(active)s::boolean IS NULL OR active = %(active)s::boolean)
  AND (%(lookup_keys)s::text[] IS NULL OR lookup_key = ANY (%(lookup_keys)s::text[]))
  AND (%(type)s::text IS NULL OR (recurring IS NULL) = (%(type)s::text = 'one_time'))
  AND (%(gte)s::bigint IS NULL OR created >= to_timestamp(%(gte)s::bigint))
  AND (%(gt)s::bigint IS NULL OR created >= to_timestamp(%(gt)s::bigint + 1))
  AND (%(lte)s::bigint IS NULL OR created < to_timestamp(%(lte)s::bigint + 1))
  AND (%(lt)s::bigint IS NULL OR created < to_timestamp(%(lt)s::bigint))
ORDER BY id DESC LIMIT %(limit)s;

-- name: price_list_backwards
SELECT * FROM price
WHERE merchant_id = %(merchant_id)s AND NOT inline
  AND id > %(before)s::text
  AND (%(product)s::text IS NULL OR product = %(product)s::text)
  AND (%(currency)s::text IS NULL OR currency = %(currency)s::text)
  AND (%(active)s::boolean IS NULL OR active = %(active)s::boolean)
  AND (%(lookup_keys)s::text[] IS NULL OR lookup_key = ANY (%(lookup_keys)s::text[]))
  AND (%(type)s::text IS NULL OR (recurring IS NULL) = (%(type)s::text = 'one_time'))
  AND (%(gte)s::bigint IS NULL OR created >= to_timestamp(%(gte)s::bigint))
  AND (%(gt)s::bigint IS NULL OR created >= to_timestamp(%(gt)s::bigint + 1))
  AND (%(lte)s::bigint IS NULL OR created < to_timestamp(%(lte)s::bigint + 1))
  AND (%(lt)s::bigint IS NULL OR created < to_timestamp(%(lt)s::bigint))
ORDER BY id LIMIT %(limit)s;

-- name: product_search
SELECT t.* FROM product t
WHERE t.merchant_id = %(merchant_id)s AND NOT t.deleted
  AND (%(after)s::text IS NULL OR t.id < %(after)s::text)
  AND /* condition */ true
ORDER BY t.id DESC LIMIT %(limit)s;

-- name: product_count
SELECT count(*) AS count FROM (
    SELECT 1 FROM product t
    WHERE t.merchant_id = %(merchant_id)s AND NOT t.deleted AND /* condition */ true
    LIMIT %(limit)s) found;

-- name: price_search
SELECT t.* FROM price t
WHERE t.merchant_id = %(merchant_id)s AND NOT t.inline
  AND (%(after)s::text IS NULL OR t.id < %(after)s::text)
  AND /* condition */ true
ORDER BY t.id DESC LIMIT %(limit)s;

-- name: price_count
SELECT count(*) AS count FROM (
    SELECT 1 FROM price t
    WHERE t.merchant_id = %(merchant_id)s AND NOT t.inline AND /* condition */ true
    LIMIT %(limit)s) found;
