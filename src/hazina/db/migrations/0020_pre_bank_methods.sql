-- Payment methods that are no cards: bank accounts that are debited, and a customer's bank transfers,
-- which have no details of their own. `sepa_debit` holds country, bank code, last four characters,
-- keyed fingerprint and the test behaviour that the account stands for; never an IBAN.

ALTER TABLE payment_method
    ADD COLUMN type text NOT NULL DEFAULT 'card',
    ADD COLUMN sepa_debit jsonb,
    ALTER COLUMN card DROP NOT NULL,
    ADD CONSTRAINT payment_method_is_of_its_type CHECK (
        (type = 'card') = (card IS NOT NULL) AND (type = 'sepa_debit') = (sepa_debit IS NOT NULL)
    );
