-- Platforms and their connected accounts. `platform` is the merchant_id, in the same mode, of the
-- platform that made the account. Everything has a default, so that an older release can go on.

ALTER TABLE merchant
    ADD COLUMN is_platform boolean NOT NULL DEFAULT false,
    ADD COLUMN platform text COLLATE "C",
    ADD COLUMN rejected text CHECK (rejected IN ('fraud', 'other', 'terms_of_service')),
    ADD COLUMN details jsonb NOT NULL DEFAULT '{}',
    ADD COLUMN metadata jsonb NOT NULL DEFAULT '{}',
    ADD COLUMN revision bigint NOT NULL DEFAULT 1;
CREATE INDEX merchant_platform ON merchant (platform, merchant_id) WHERE platform IS NOT NULL;

-- A platform's endpoint with `connect` hears of its connected accounts. The delivery row is the
-- endpoint's merchant's; `event_merchant` names the account in whose log the event stands.
ALTER TABLE webhook_endpoint ADD COLUMN connect boolean NOT NULL DEFAULT false;
ALTER TABLE webhook_delivery ADD COLUMN event_merchant text COLLATE "C";
