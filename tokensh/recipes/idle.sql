-- title: Tokens that nothing has used for long; Databricks revokes them after 90 days
-- writes: no
-- failures: warn
-- parameter: workspaces (tokensh.local.workspaces | tokensh.local.account_workspaces) = tokensh.local.workspaces: where the names of workspaces come from
-- parameter: days (days) = 75: unused for so many days, counted from the creation if never used
SELECT deployment_name, CASE WHEN owner_id = created_by_id THEN created_by_username ELSE 'id ' || owner_id END AS owner, token_id, comment, from_ms(last_used_day) AS last_used,
  CAST((to_ms(datetime('now')) - coalesce(last_used_day, creation_time)) / 86400000.0 AS INTEGER) AS idle_days
FROM tokens
WHERE deployment_name IN (SELECT deployment_name FROM {{ workspaces }})
  AND (to_ms(datetime('now')) - coalesce(last_used_day, creation_time)) / 86400000.0 >= {{ days }}
ORDER BY idle_days DESC, deployment_name, token_id;
