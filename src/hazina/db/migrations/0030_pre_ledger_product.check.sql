-- Every line of history has the time of its transfer.
SELECT account_id, line FROM account_history WHERE timestamp IS NULL LIMIT 1;
