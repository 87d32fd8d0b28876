-- title: Tokens per owner: how many, in how many workspaces, how many never expire
-- writes: no
-- failures: warn
-- parameter: workspaces (tokensh.local.workspaces | tokensh.local.account_workspaces) = tokensh.local.workspaces: where the names of workspaces come from
SELECT coalesce(max(CASE WHEN owner_id = created_by_id THEN created_by_username END), 'id ' || owner_id) AS owner, count(*) AS tokens, count(DISTINCT deployment_name) AS workspaces, sum(expiry_time = -1) AS never_expire,
  sum(expiry_time > 0 AND days_left(expiry_time) < 0) AS expired
FROM tokens
WHERE deployment_name IN (SELECT deployment_name FROM {{ workspaces }})
GROUP BY owner_id
ORDER BY tokens DESC, owner;
