-- title: What changed since the last run: tokens that are new, gone or different; the store keeps what was seen
-- writes: no
-- parameter: workspaces (tokensh.local.workspaces | tokensh.local.account_workspaces) = tokensh.local.workspaces: where the names of workspaces come from
CREATE TABLE IF NOT EXISTS recipe_drift_last (deployment_name TEXT, token_id TEXT, owner TEXT, comment TEXT, expiry_time INTEGER);
CREATE OR REPLACE TABLE recipe_drift_now AS
SELECT deployment_name, token_id, CASE WHEN owner_id = created_by_id THEN created_by_username ELSE 'id ' || owner_id END AS owner, comment, expiry_time
FROM tokens
WHERE deployment_name IN (SELECT deployment_name FROM {{ workspaces }});
SELECT 'new' AS change, n.deployment_name, n.owner, n.token_id, n.comment
FROM recipe_drift_now n LEFT JOIN recipe_drift_last l ON l.deployment_name = n.deployment_name AND l.token_id = n.token_id
WHERE l.token_id IS NULL
UNION ALL
SELECT 'gone', l.deployment_name, l.owner, l.token_id, l.comment
FROM recipe_drift_last l LEFT JOIN recipe_drift_now n ON l.deployment_name = n.deployment_name AND l.token_id = n.token_id
WHERE n.token_id IS NULL
UNION ALL
SELECT 'changed', n.deployment_name, n.owner, n.token_id, n.comment
FROM recipe_drift_now n JOIN recipe_drift_last l ON l.deployment_name = n.deployment_name AND l.token_id = n.token_id
WHERE l.comment IS NOT n.comment OR l.expiry_time IS NOT n.expiry_time OR l.owner IS NOT n.owner
ORDER BY 1, 2, 4;
CREATE OR REPLACE TABLE recipe_drift_last AS SELECT * FROM recipe_drift_now;
DROP TABLE recipe_drift_now;
