-- An account's last line up to a moment. Its plan is made once per connection: planning each call
-- anew, as readers do, costs more with each month, and more than the search itself.
CREATE FUNCTION ledger_line_at(wanted uuid, moment bigint) RETURNS SETOF account_history
LANGUAGE plpgsql STABLE ROWS 1 SET plan_cache_mode = force_generic_plan AS $$
BEGIN
    RETURN QUERY
        SELECT * FROM account_history
        WHERE account_id = wanted AND timestamp <= moment ORDER BY timestamp DESC LIMIT 1;
END
$$;
