-- An account's lines and their times grow together.
SELECT account_id, line
FROM (
    SELECT account_id, line, timestamp,
           lag(timestamp) OVER (PARTITION BY account_id ORDER BY line) AS before
    FROM account_history
) lines
WHERE timestamp <= before
LIMIT 1;
