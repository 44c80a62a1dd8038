-- Products, prices, and the price that holds each lookup key of a merchant.

CREATE TABLE product (
    merchant_id text COLLATE "C" NOT NULL,
    id text COLLATE "C" NOT NULL,
    name text NOT NULL,
    active boolean NOT NULL,
    default_price text COLLATE "C",
    details jsonb NOT NULL,
    metadata jsonb NOT NULL,
    prices bigint NOT NULL CHECK (prices >= 0),
    deleted boolean NOT NULL,
    revision bigint NOT NULL,
    created timestamptz NOT NULL,
    updated timestamptz NOT NULL,
    version bigint NOT NULL DEFAULT 1,
    PRIMARY KEY (merchant_id, id),
    CHECK (NOT (deleted AND prices > 0))
);
-- Clients may choose a product's id, so ids do not sort by time.
CREATE INDEX product_newest ON product (merchant_id, created, id);

CREATE TABLE price (
    merchant_id text COLLATE "C" NOT NULL,
    id text COLLATE "C" NOT NULL,
    product text COLLATE "C" NOT NULL,
    currency text NOT NULL,
    unit_amount bigint NOT NULL CHECK (unit_amount >= 0),
    recurring jsonb,
    active boolean NOT NULL,
    inline boolean NOT NULL,
    lookup_key text COLLATE "C",
    nickname text,
    tax_behavior text NOT NULL,
    metadata jsonb NOT NULL,
    revision bigint NOT NULL,
    created timestamptz NOT NULL,
    version bigint NOT NULL DEFAULT 1,
    PRIMARY KEY (merchant_id, id)
);
CREATE INDEX price_product ON price (merchant_id, product, id);

-- The key makes a lookup key unique; transferring one changes this row and both prices at once.
CREATE TABLE price_lookup_key (
    merchant_id text COLLATE "C" NOT NULL,
    lookup_key text COLLATE "C" NOT NULL,
    price text COLLATE "C" NOT NULL,
    version bigint NOT NULL DEFAULT 1,
    PRIMARY KEY (merchant_id, lookup_key)
);
