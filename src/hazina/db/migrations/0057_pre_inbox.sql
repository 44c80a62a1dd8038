-- Callbacks that wait for their command, and those that an operator looks for by id or by state.

CREATE INDEX inbox_parked ON inbox (next_at) WHERE state = 'parked';
CREATE INDEX inbox_quarantined ON inbox (received) WHERE state = 'quarantined';
CREATE INDEX inbox_by_id ON inbox (md5(connector || chr(31) || deduplication_key))
    WHERE state <> 'applied';
