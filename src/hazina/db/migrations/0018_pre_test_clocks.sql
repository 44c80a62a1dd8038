-- Test clocks, and the one place that says what time it is for a merchant's object.

CREATE TABLE test_clock (
    merchant_id text COLLATE "C" NOT NULL,
    id text COLLATE "C" NOT NULL,
    name text,
    frozen_time timestamptz NOT NULL,
    target_frozen_time timestamptz,
    status text NOT NULL CHECK (status IN ('ready', 'advancing', 'internal_failure')),
    whole_merchant boolean NOT NULL,
    deletes_after timestamptz NOT NULL,
    revision bigint NOT NULL,
    created timestamptz NOT NULL,
    version bigint NOT NULL DEFAULT 1,
    PRIMARY KEY (merchant_id, id),
    CHECK (target_frozen_time > frozen_time),
    CHECK ((status = 'ready') = (target_frozen_time IS NULL))
);

ALTER TABLE customer ADD COLUMN test_clock text COLLATE "C";
CREATE INDEX customer_test_clock ON customer (merchant_id, test_clock, id)
    WHERE test_clock IS NOT NULL;

-- An object follows its customer's clock, else the clock of the whole merchant, else real time.
-- While a clock advances, its time is already the one that it advances to.
CREATE FUNCTION merchant_now(of_merchant text, of_customer text, real_now timestamptz)
RETURNS timestamptz LANGUAGE sql STABLE AS $$
    SELECT coalesce(
        (SELECT coalesce(k.target_frozen_time, k.frozen_time)
         FROM customer c JOIN test_clock k ON k.merchant_id = c.merchant_id AND k.id = c.test_clock
         WHERE c.merchant_id = of_merchant AND c.id = of_customer),
        (SELECT coalesce(k.target_frozen_time, k.frozen_time)
         FROM test_clock k WHERE k.merchant_id = of_merchant AND k.whole_merchant
         ORDER BY k.id LIMIT 1),
        real_now)
$$;

-- Merchants of whom something may be due that is not due in real time: queries for what is due look
-- at these apart, so that their index on the due time still bounds the rest.
CREATE FUNCTION clocks_ahead(real_now timestamptz) RETURNS TABLE (merchant_id text)
LANGUAGE sql STABLE AS $$
    SELECT DISTINCT k.merchant_id FROM test_clock k
    WHERE coalesce(k.target_frozen_time, k.frozen_time) > real_now
$$;
