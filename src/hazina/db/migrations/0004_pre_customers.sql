-- Customers of merchants. A deleted customer keeps its row, so that its id is never reused and is
-- still answered as deleted, but nothing that names a person stays in it.

CREATE TABLE customer (
    merchant_id text COLLATE "C" NOT NULL,
    id text COLLATE "C" NOT NULL,
    email text,
    details jsonb NOT NULL,
    metadata jsonb NOT NULL,
    deleted boolean NOT NULL,
    revision bigint NOT NULL,
    created timestamptz NOT NULL,
    version bigint NOT NULL DEFAULT 1,
    PRIMARY KEY (merchant_id, id)
);
CREATE INDEX customer_email ON customer (merchant_id, email, id) WHERE email IS NOT NULL;
