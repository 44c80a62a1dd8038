-- name: payment_method_list
SELECT * FROM payment_method
WHERE merchant_id = %(merchant_id)s
  AND (%(customer)s::text IS NULL OR customer = %(customer)s::text)
  AND (%(type)s::text IS NULL OR type = %(type)s::text)
  AND (%(redisplay)s::text IS NULL OR allow_redisplay = %(redisplay)s::text)
  AND (%(sources)s::boolean IS NULL OR starts_with(id, 'card_') = %(sources)s::boolean)
  AND (%(after)s::text IS NULL OR (created, id) < (%(after_created)s::timestamptz, %(after)s::text))
ORDER BY created DESC, id DESC LIMIT %(limit)s;

-- name: payment_method_list_backwards
SELECT * FROM payment_method
WHERE merchant_id = %(merchant_id)s
  AND (%(customer)s::text IS NULL OR customer = %(customer)s::text)
  AND (%(type)s::text IS NULL OR type = %(type)s::text)
  AND (%(redisplay)s::text IS NULL OR allow_redisplay = %(redisplay)s::text)
  AND (%(sources)s::boolean IS NULL OR starts_with(id, 'card_') = %(sources)s::boolean)
  AND (created, id) > (%(after_created)s::timestamptz, %(before)s::text)
ORDER BY created, id LIMIT %(limit)s;
