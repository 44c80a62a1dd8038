-- What happened to a command after it was first leased, beyond the first reply that settled it: taken
-- over, asked about, sent again, and what each came to by which door. NULL says that nothing did, which
-- cannot be said of commands that are older than the column. The default marks those without rewriting
-- the table, and is gone before the next command is issued.
ALTER TABLE command ADD COLUMN history jsonb DEFAULT '[{"what": "unrecorded"}]';
ALTER TABLE command ALTER COLUMN history DROP DEFAULT;
