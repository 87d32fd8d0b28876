-- title: Who may mint tokens, in each workspace
-- writes: no
-- failures: warn
-- parameter: workspaces (tokensh.local.workspaces | tokensh.local.account_workspaces) = tokensh.local.workspaces: where the names of workspaces come from
SELECT p.deployment_name, coalesce(json_extract(a.value, '$.user_name'), json_extract(a.value, '$.group_name'), json_extract(a.value, '$.service_principal_name')) AS principal,
  CASE WHEN json_extract(a.value, '$.user_name') IS NOT NULL THEN 'user' WHEN json_extract(a.value, '$.group_name') IS NOT NULL THEN 'group' ELSE 'service principal' END AS kind,
  json_extract(a.value, '$.all_permissions[0].permission_level') AS level
FROM token_permissions p, json_each(p.access_control_list) a
WHERE p.deployment_name IN (SELECT deployment_name FROM {{ workspaces }})
ORDER BY p.deployment_name, kind, principal;
