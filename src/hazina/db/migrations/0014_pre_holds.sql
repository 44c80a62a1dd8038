-- What of an authorization is still held, and until when it may be captured.

ALTER TABLE charge ADD COLUMN hold text COLLATE "C", ADD COLUMN capture_before timestamptz;
UPDATE charge c SET hold = c.id, capture_before = c.created + interval '7 days'
FROM payment_intent i
WHERE i.merchant_id = c.merchant_id AND i.id = c.payment_intent AND i.latest_charge = c.id
  AND c.status = 'succeeded' AND NOT c.captured AND i.amount_capturable > 0;
CREATE INDEX charge_capture_before ON charge (capture_before) WHERE hold IS NOT NULL;
ALTER TABLE charge ADD CHECK (hold IS NULL OR amount_captured < amount);
