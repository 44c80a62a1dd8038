-- name: daily_totals
SELECT merchant_id, day, currency, charges, captured, refunds, refunded FROM daily_total
WHERE (%(merchant_id)s::text IS NULL OR merchant_id = %(merchant_id)s)
  AND (%(first)s::text IS NULL OR day >= %(first)s)
  AND (%(last)s::text IS NULL OR day <= %(last)s)
ORDER BY merchant_id, day, currency LIMIT %(limit)s;
