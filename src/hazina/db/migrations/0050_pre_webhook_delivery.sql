-- Endpoints that pause, rotate their secret and fail for days; deliveries that say whether an
-- attempt is under way; every attempt with what the receiver answered; replays of many events.

ALTER TABLE webhook_endpoint
    ADD COLUMN old_secret text,
    ADD COLUMN old_secret_until timestamptz,
    ADD COLUMN paused boolean NOT NULL DEFAULT false,
    ADD COLUMN failing_since timestamptz,
    ADD COLUMN disabled_reason text;

-- An attempt counts when it is taken. `sending` tells whoever takes the delivery next that nobody
-- wrote down what became of that attempt. `schedule_from` is how many attempts there had been when
-- the delivery was last replayed: its schedule begins there.
ALTER TABLE webhook_delivery
    ADD COLUMN sending boolean NOT NULL DEFAULT false,
    ADD COLUMN schedule_from bigint NOT NULL DEFAULT 0;
CREATE INDEX webhook_delivery_failed ON webhook_delivery (merchant_id, endpoint, event_id)
    WHERE state = 'failed';

-- Rows are only added. The key begins with what attempts are asked for by: those of one event.
CREATE TABLE webhook_attempt (
    merchant_id text COLLATE "C" NOT NULL,
    endpoint text COLLATE "C" NOT NULL,
    event_id text COLLATE "C" NOT NULL,
    id text COLLATE "C" NOT NULL,
    number bigint NOT NULL CHECK (number > 0),
    status integer,
    problem text,
    latency_ms integer,
    answer text,
    created timestamptz NOT NULL,
    PRIMARY KEY (merchant_id, endpoint, event_id, id)
);
CREATE INDEX webhook_attempt_newest ON webhook_attempt (merchant_id, endpoint, id);

CREATE TABLE webhook_replay (
    merchant_id text COLLATE "C" NOT NULL,
    id text COLLATE "C" NOT NULL,
    endpoint text COLLATE "C" NOT NULL,
    what text NOT NULL CHECK (what IN ('all', 'failed')),
    low text COLLATE "C",
    high text COLLATE "C",
    reached text COLLATE "C" NOT NULL DEFAULT '',
    state text NOT NULL CHECK (state IN ('running', 'done')),
    replayed bigint NOT NULL,
    created timestamptz NOT NULL,
    version bigint NOT NULL DEFAULT 1,
    PRIMARY KEY (merchant_id, id)
);
CREATE INDEX webhook_replay_running ON webhook_replay (created) WHERE state = 'running';
