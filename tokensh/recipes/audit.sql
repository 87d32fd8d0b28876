-- title: Audit all workspaces: tokens that never expire, have expired, expire soon, are idle or live too long; one row per finding
-- writes: no
-- failures: rows
-- parameter: workspaces (tokensh.local.workspaces | tokensh.local.account_workspaces) = tokensh.local.workspaces: where the names of workspaces come from
-- parameter: days (days) = 30: report tokens that expire within so many days
-- parameter: idle_days (days) = 75: report tokens that were unused for so many days, counted from their creation if never used
-- parameter: max_days (days) = 365: report tokens that were made for longer
-- parameter: max_tokens (tokens) = 20: report owners with more tokens in one workspace
WITH listed AS (
  SELECT deployment_name, token_id, comment, owner_id, CASE WHEN owner_id = created_by_id THEN created_by_username ELSE 'id ' || owner_id END AS owner, expiry_time, days_left(expiry_time) AS days,
    (expiry_time - creation_time) / 86400000.0 AS lifetime,
    (to_ms(datetime('now')) - coalesce(last_used_day, creation_time)) / 86400000.0 AS idle
  FROM tokens
  WHERE deployment_name IN (SELECT deployment_name FROM {{ workspaces }})
),
findings AS (
  SELECT 1 AS rank, 'high' AS severity, 'never expires' AS finding, deployment_name, owner, owner_id, token_id, comment,
    'idle for ' || CAST(idle AS INTEGER) || 'd' AS detail
  FROM listed WHERE expiry_time = -1
  UNION ALL
  SELECT 2, 'medium', 'lives too long', deployment_name, owner, owner_id, token_id, comment, 'made for ' || CAST(lifetime AS INTEGER) || 'd'
  FROM listed WHERE expiry_time > 0 AND lifetime > {{ max_days }}
  UNION ALL
  SELECT 3, 'medium', 'expires soon', deployment_name, owner, owner_id, token_id, comment, expires_in(expiry_time)
  FROM listed WHERE expiry_time > 0 AND days >= 0 AND days <= {{ days }}
  UNION ALL
  SELECT 4, 'medium', 'idle', deployment_name, owner, owner_id, token_id, comment, 'for ' || CAST(idle AS INTEGER) || 'd'
  FROM listed WHERE idle >= {{ idle_days }} AND (expiry_time = -1 OR days >= 0)
  UNION ALL
  SELECT 5, 'low', 'expired', deployment_name, owner, owner_id, token_id, comment, expires_in(expiry_time)
  FROM listed WHERE expiry_time > 0 AND days < 0
  UNION ALL
  SELECT 6, 'low', 'many tokens', deployment_name,
    coalesce(any_value(owner) FILTER (WHERE owner <> 'id ' || owner_id), 'id ' || owner_id), owner_id, NULL, NULL, count(*) || ' tokens'
  FROM listed GROUP BY deployment_name, owner_id HAVING count(*) > {{ max_tokens }}
)
SELECT severity, finding, deployment_name, owner, token_id, comment, detail,
  CASE
    WHEN token_id IS NULL THEN 'SELECT * FROM tokens WHERE deployment_name = ''' || deployment_name || ''' AND owner_id = ' || owner_id || ';'
    WHEN finding = 'expires soon' THEN 'tokensh run rotate -v deployment_name=' || deployment_name || ' -v token_id=' || token_id
    ELSE 'DELETE FROM tokens WHERE deployment_name = ''' || deployment_name || ''' AND token_id = '''
      || replace(token_id, '''', '''''') || ''';' END AS remedy
FROM findings
ORDER BY rank, deployment_name, token_id;
