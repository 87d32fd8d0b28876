-- title: Tokens that expire soon, with the days that are left
-- writes: no
-- failures: warn
-- parameter: workspaces (tokensh.local.workspaces | tokensh.local.account_workspaces) = tokensh.local.workspaces: where the names of workspaces come from
-- parameter: days (days) = 30: how soon
SELECT deployment_name, CASE WHEN owner_id = created_by_id THEN created_by_username ELSE 'id ' || owner_id END AS owner, token_id, comment, round(days_left(expiry_time), 1) AS days_left
FROM tokens
WHERE deployment_name IN (SELECT deployment_name FROM {{ workspaces }}) AND days_left(expiry_time) BETWEEN 0 AND {{ days }}
ORDER BY days_left, deployment_name, token_id;
