-- The relay to Kafka: one row says how far the event log was carried out and who carries it, so that
-- moving on and still holding the lease are one and the same write.

CREATE TABLE relay (
    name text COLLATE "C" PRIMARY KEY,
    xid numeric(39, 0) NOT NULL,
    position bigint NOT NULL,
    holder text,
    lease_until timestamptz,
    version bigint NOT NULL DEFAULT 1
) WITH (fillfactor = 50);

-- Events that a broker refuses for what they are, such as their size. Sent again by an operator.
CREATE TABLE relay_quarantine (
    merchant_id text COLLATE "C" NOT NULL,
    event_id text COLLATE "C" NOT NULL,
    reason text NOT NULL,
    created timestamptz NOT NULL,
    version bigint NOT NULL DEFAULT 1,
    PRIMARY KEY (merchant_id, event_id)
);
