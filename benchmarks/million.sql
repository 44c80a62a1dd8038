-- One merchant's year: %(count)s payments, and a fifth as many of a hundred others beside them.

CREATE FUNCTION pg_temp.id_of(prefix text, moment timestamptz, serial bigint) RETURNS text
LANGUAGE sql IMMUTABLE AS $$
    SELECT prefix || '_' || (
        SELECT string_agg(substr('0123456789abcdefghjkmnpqrstvwxyz',
            ((ms >> (45 - 5 * place)) & 31)::int + 1, 1), '' ORDER BY place)
        FROM generate_series(0, 9) place) || lpad(serial::text, 16, '0')
    FROM (SELECT (extract(epoch FROM moment) * 1000)::bigint AS ms) m
$$;

CREATE TEMP TABLE payment AS
SELECT n, merchant_id, created, customer_number, draw,
    pg_temp.id_of('pi', created, n) AS intent, pg_temp.id_of('ch', created, n) AS charge,
    CASE WHEN draw < 0.90 THEN 'succeeded' WHEN draw < 0.95 THEN 'requires_payment_method'
         WHEN draw < 0.98 THEN 'canceled' WHEN draw < 0.9999 THEN 'requires_capture'
         ELSE 'processing' END AS status,
    CASE WHEN draw_amount < 0.999 THEN 100 + (draw_amount * 90000)::bigint
         ELSE 1000000 + (draw_amount * 9000000)::bigint END AS amount,
    CASE WHEN n %% 33 = 0 THEN 'usd' ELSE 'kes' END AS currency,
    jsonb_build_object('order', 'N-' || n, 'channel', (ARRAY['web', 'app', 'pos'])[1 + n %% 3])
        || CASE WHEN n %% 5000 = 0 THEN jsonb_build_object('campaign', 'c' || n %% 7)
           ELSE '{}' END AS metadata
FROM (
    SELECT n, random() AS draw, random() AS draw_amount,
        CASE WHEN n %% 6 = 5 THEN 'acct_other' || n %% 100 || '_test'
             ELSE %(merchant_id)s::text END AS merchant_id,
        now() - make_interval(secs => (%(count)s * 1.2 - n) * 26) AS created,
        CASE WHEN n %% 5 < 2 THEN (random() * 50000)::int END AS customer_number
    FROM generate_series(1, (%(count)s * 1.2)::bigint) n) raw;

INSERT INTO customer (merchant_id, id, email, details, metadata, deleted, revision, created)
SELECT m.merchant_id, pg_temp.id_of('cus', now() - interval '1 year', n),
    'buyer' || n || '@' || (ARRAY['duka', 'soko', 'shamba'])[1 + n %% 3] || '.example',
    jsonb_build_object('name', (ARRAY['Amina', 'Otieno', 'Wanjiru', 'Hassan'])[1 + n %% 4]
        || ' ' || (ARRAY['Were', 'Kilifi', 'Mwangi'])[1 + n %% 3] || ' ' || n),
    jsonb_build_object('number', n::text), false, 1, now() - interval '1 year'
FROM generate_series(0, 50000) n, (VALUES (%(merchant_id)s::text)) m (merchant_id);

INSERT INTO payment_intent (
    merchant_id, id, amount, currency, status, capture_method, amount_received, amount_capturable,
    customer, payment_method, latest_charge, client_secret, hidden, details, metadata, revision,
    created)
SELECT merchant_id, intent, amount, currency, status, 'automatic',
    CASE WHEN status = 'succeeded' THEN amount ELSE 0 END,
    CASE WHEN status = 'requires_capture' THEN amount ELSE 0 END,
    CASE WHEN customer_number IS NOT NULL
         THEN pg_temp.id_of('cus', now() - interval '1 year', customer_number) END,
    'pm_card_visa', charge, intent || '_secret', false, '{}', metadata, 2, created
FROM payment ORDER BY n;

INSERT INTO charge (
    merchant_id, id, payment_intent, authorize_command, amount, currency, status, captured,
    amount_captured, amount_refunded, amount_refund_reserved, fee, funds, available_on,
    payment_method, customer, balance_transaction, provider, clearing_slot, details, metadata,
    revision, created)
SELECT merchant_id, charge, intent, 'cmd_' || n, amount, currency,
    CASE WHEN status IN ('succeeded', 'requires_capture') THEN 'succeeded' ELSE 'failed' END,
    status = 'succeeded', CASE WHEN status = 'succeeded' THEN amount ELSE 0 END,
    CASE WHEN draw < 0.01 THEN amount ELSE 0 END, 0, 0,
    CASE WHEN status = 'succeeded' THEN 'available' ELSE 'none' END, created + interval '2 days',
    'pm_card_visa',
    CASE WHEN customer_number IS NOT NULL
         THEN pg_temp.id_of('cus', now() - interval '1 year', customer_number) END,
    pg_temp.id_of('txn', created, n), 'test', 1, '{}', metadata, 1, created
FROM payment ORDER BY n;

INSERT INTO refund (
    merchant_id, id, charge, payment_intent, amount, currency, status, from_available,
    clearing_slot, hidden_intent, metadata, revision, created)
SELECT merchant_id, pg_temp.id_of('re', created, n), charge, intent, amount, currency, 'succeeded',
    true, 1, false, '{}', 1, created
FROM payment WHERE draw < 0.01 ORDER BY n;

INSERT INTO balance_transaction (
    merchant_id, id, type, amount, fee, currency, source, charge, available_on, created)
SELECT merchant_id, pg_temp.id_of('txn', created, n), 'charge', amount, 0, currency, charge, charge,
    created, created
FROM payment WHERE status = 'succeeded'
UNION ALL
SELECT merchant_id, pg_temp.id_of('txn', created, n + 5000000000), 'refund', -amount, 0, currency,
    pg_temp.id_of('re', created, n), charge, created, created
FROM payment WHERE draw < 0.01;

INSERT INTO event (merchant_id, id, type, object_id, sequence, created, body)
SELECT merchant_id, pg_temp.id_of('evt', created, n * 4 + place), type, intent, 1, created,
    convert_to('{"id":"' || pg_temp.id_of('evt', created, n * 4 + place)
        || '","object":"event","type":"' || type || '"}', 'UTF8')
FROM payment, LATERAL (VALUES
    (0, 'payment_intent.created'),
    (1, CASE WHEN status = 'succeeded' THEN 'charge.succeeded' ELSE 'charge.failed' END),
    (2, CASE WHEN status = 'succeeded' THEN 'payment_intent.succeeded'
             WHEN status = 'canceled' THEN 'payment_intent.canceled'
             ELSE 'payment_intent.payment_failed' END),
    (3, CASE WHEN draw < 0.01 THEN 'charge.refunded' END)) one (place, type)
WHERE type IS NOT NULL;

DROP TABLE payment;
