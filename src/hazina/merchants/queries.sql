-- name: merchant_now
SELECT merchant_now(%(merchant_id)s::text, %(customer)s::text, %(real_now)s::timestamptz) AS now;

-- name: merchants_with_clocks
SELECT DISTINCT merchant_id FROM test_clock;
