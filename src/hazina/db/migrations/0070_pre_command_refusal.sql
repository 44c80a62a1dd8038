-- A retry of a process that died is answered with what became of its operation, also with a no.
ALTER TABLE command ADD COLUMN refusal jsonb;
