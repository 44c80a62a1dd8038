-- Until a table's statistics are gathered, PostgreSQL finds several indexes equally good for looking
-- up a key, because all of them begin with merchant_id, and takes the newest. That one reads every
-- row of the merchant to find one. Made anew, the primary key is the newest.
ALTER TABLE payment_intent DROP CONSTRAINT payment_intent_pkey, ADD PRIMARY KEY (merchant_id, id);
ALTER TABLE charge DROP CONSTRAINT charge_pkey, ADD PRIMARY KEY (merchant_id, id);
ALTER TABLE refund DROP CONSTRAINT refund_pkey, ADD PRIMARY KEY (merchant_id, id);
ALTER TABLE command DROP CONSTRAINT command_pkey, ADD PRIMARY KEY (merchant_id, id);
ALTER TABLE checkout_session DROP CONSTRAINT checkout_session_pkey, ADD PRIMARY KEY (merchant_id, id);
ALTER TABLE payment_link DROP CONSTRAINT payment_link_pkey, ADD PRIMARY KEY (merchant_id, id);
ALTER TABLE price DROP CONSTRAINT price_pkey, ADD PRIMARY KEY (merchant_id, id);
ALTER TABLE payment_method DROP CONSTRAINT payment_method_pkey, ADD PRIMARY KEY (merchant_id, id);
ALTER TABLE setup_attempt DROP CONSTRAINT setup_attempt_pkey, ADD PRIMARY KEY (merchant_id, id);
ALTER TABLE webhook_attempt DROP CONSTRAINT webhook_attempt_pkey,
    ADD PRIMARY KEY (merchant_id, endpoint, event_id, id);

-- An event's body is read seldom and soon; compressing those above 2 kB cost each payment more.
ALTER TABLE event SET (toast_tuple_target = 8160);
