-- title: Tokens that never expire
-- writes: no
-- failures: warn
-- parameter: workspaces (tokensh.local.workspaces | tokensh.local.account_workspaces) = tokensh.local.workspaces: where the names of workspaces come from
SELECT deployment_name, CASE WHEN owner_id = created_by_id THEN created_by_username ELSE 'id ' || owner_id END AS owner, token_id, comment, from_ms(creation_time) AS created
FROM tokens
WHERE deployment_name IN (SELECT deployment_name FROM {{ workspaces }}) AND expiry_time = -1
ORDER BY creation_time, deployment_name, token_id;
