-- Payment methods and tokens. `card` holds what is shown of a card (brand, last4, expiry, funding,
-- country, keyed fingerprint) and the test behaviour that it stands for; never a number, never a
-- security code.

CREATE TABLE payment_method (
    merchant_id text COLLATE "C" NOT NULL,
    id text COLLATE "C" NOT NULL,
    customer text COLLATE "C",
    detached boolean NOT NULL,
    card jsonb NOT NULL,
    billing_details jsonb NOT NULL,
    allow_redisplay text NOT NULL,
    metadata jsonb NOT NULL,
    revision bigint NOT NULL,
    created timestamptz NOT NULL,
    version bigint NOT NULL DEFAULT 1,
    PRIMARY KEY (merchant_id, id),
    CHECK (NOT (detached AND customer IS NOT NULL))
);
-- Ids have two prefixes (pm_ and card_), so lists go by the time of creation.
CREATE INDEX payment_method_created ON payment_method (merchant_id, created, id);
CREATE INDEX payment_method_customer ON payment_method (merchant_id, customer, created, id)
    WHERE customer IS NOT NULL;

CREATE TABLE token (
    merchant_id text COLLATE "C" NOT NULL,
    id text COLLATE "C" NOT NULL,
    card_id text COLLATE "C" NOT NULL,
    card jsonb NOT NULL,
    billing_details jsonb NOT NULL,
    used boolean NOT NULL,
    created timestamptz NOT NULL,
    version bigint NOT NULL DEFAULT 1,
    PRIMARY KEY (merchant_id, id)
);

ALTER TABLE customer ADD COLUMN default_source text COLLATE "C";
