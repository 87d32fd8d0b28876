-- title: Revoke all tokens of a user or service principal in all workspaces, and say what remains and why
-- writes: yes
-- job: offboard
-- parameter: user: the user name, the application id, or the number of the owner
-- parameter: workspaces (tokensh.local.workspaces | tokensh.local.account_workspaces) = tokensh.local.workspaces: where the names of workspaces come from
\offboard
