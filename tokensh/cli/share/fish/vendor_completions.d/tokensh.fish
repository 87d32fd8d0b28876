# Written from the table of options by `python -m tests.manual_pages`.
complete -c tokensh -f
set -l commands run help reveal mcp serve exec
complete -c tokensh -n __fish_is_first_arg -a run -d 'a recipe: audit, rotate, offboard and others'
complete -c tokensh -n __fish_is_first_arg -a help -d 'the manual, by topics'
complete -c tokensh -n __fish_is_first_arg -a reveal -d 'the value of a new token that waits to be seen'
complete -c tokensh -n __fish_is_first_arg -a mcp -d 'serve assistants (Model Context Protocol)'
complete -c tokensh -n __fish_is_first_arg -a serve -d 'serve PostgreSQL clients'
complete -c tokensh -n __fish_is_first_arg -a exec -d 'StackQL\'s spelling of the options'
complete -c tokensh -s c -s e -x -d 'run statements'
complete -c tokensh -s f -s i -r -F -d 'run a file; - is standard input'
complete -c tokensh -s v -l var -x -d 'a value for {{ NAME }}'
complete -c tokensh -l vars -r -F -d 'values for placeholders, YAML or JSON'
complete -c tokensh -l on-error -x -a 'stop continue' -d 'after an error: stop (default), continue'
complete -c tokensh -l check -d 'only parse; reports every syntax error'
complete -c tokensh -l dry-run -d 'only explain; nothing is sent'
complete -c tokensh -l yes -d 'do not ask before changes that list rows first'
complete -c tokensh -l deliver -x -a '(__fish_complete_command)' -d 'their values go to a program\'s standard input'
complete -c tokensh -l deliver-file -r -F -d 'into a file (0600); {token_id} in its path'
complete -c tokensh -l verify -d 'sign a request with each; fail if it is refused'
complete -c tokensh -s w -l workspace -x -d 'the default deployment_name, or a workspace\'s URL'
complete -c tokensh -s p -l profile -x -a '(string match -rg \'^ *\\[([^]]*)\\]\' < (set -q DATABRICKS_CONFIG_FILE; and echo $DATABRICKS_CONFIG_FILE; or echo ~/.databrickscfg) 2>/dev/null)' -d 'a profile of ~/.databrickscfg, and only that'
complete -c tokensh -l sandbox -d 'an emulated workspace in this process, nothing real'
complete -c tokensh -l endpoint -x -d 'other addresses of workspaces than Databricks\' own'
complete -c tokensh -l partial -d 'accept that a workspace does not answer (status 1)'
complete -c tokensh -l timeout -x -d 'seconds for a request (30, 60 for a create)'
complete -c tokensh -l max-connections -x -d 'requests at a time, 1 to 64 (16)'
complete -c tokensh -l write-connections -x -d 'revokes at a time of one DELETE in a workspace (1)'
complete -c tokensh -l max-reply -x -d 'bytes that a response may have, such as 64M (32M)'
complete -c tokensh -l max-pages -x -d 'pages that are read of one list (1000)'
complete -c tokensh -l log -r -F -d 'add a line for each request to a file; no secrets'
complete -c tokensh -s o -l output -x -a 'table json jsonl csv tsv text markdown html chart line' -d 'table (default), json, jsonl, csv, tsv, text, markdown, html, chart, line'
complete -c tokensh -s O -l outfile -r -F -d 'write results to a file'
complete -c tokensh -s H -l hideheaders -d 'no column names'
complete -c tokensh -l csv-safe -d 'csv: \' before cells that a spreadsheet evaluates'
complete -c tokensh -l color -x -a 'auto always never' -d 'styles in tables: auto (default), always, never'
complete -c tokensh -l fail-if-rows -d 'exit status 1 if a query has rows, for checks'
complete -c tokensh -s q -l quiet -d 'no banner, counts or notes, but for warnings'
complete -c tokensh -l plain -d 'no animation or repainting, for screen readers'
complete -c tokensh -l registry -x -a '(__fish_complete_directories)' -d 'more providers: a folder or address of documents'
complete -c tokensh -l store -r -F -d 'where views and local tables are kept'
complete -c tokensh -s X -l no-rc -d 'do not run rc.sql in the shell'
complete -c tokensh -s V -l version -d 'print the version'
complete -c tokensh -s h -l help -d 'print this text'
complete -c tokensh -n '__fish_seen_subcommand_from run' -l show -d 'print the text of the recipe'
complete -c tokensh -n '__fish_seen_subcommand_from run' -l grace -x -d 'rotate: days that the old token is kept'
complete -c tokensh -n '__fish_seen_subcommand_from help' -a 'audit batches command-line commands fields formats functions notebooks options python rotate security shell show spark stackql start statements times views workspaces'
function __tokensh_own_folder
    set -q XDG_CONFIG_HOME; and echo $XDG_CONFIG_HOME/tokensh/recipes; or echo ~/.config/tokensh/recipes
end
function __tokensh_own_recipes
    for file in (__tokensh_own_folder)/*.sql
        basename $file .sql
    end
end
function __tokensh_own_parameters
    for word in (commandline -opc)
        set -l file (__tokensh_own_folder)/$word.sql
        test -f $file; and string match -rg '^-- parameter: *(\w+)' < $file | string replace -r '$' =
    end
end
complete -c tokensh -n '__fish_seen_subcommand_from run; and not __fish_seen_subcommand_from audit drift expiring idle never offboard owners permissions rotate (__tokensh_own_recipes)' -a audit -d 'Audit all workspaces: tokens that never expire, have expired, expire soon, are idle or live too long; one row per finding'
complete -c tokensh -n '__fish_seen_subcommand_from run; and __fish_seen_subcommand_from audit' -a 'workspaces=tokensh.local.workspaces workspaces=tokensh.local.account_workspaces days= idle_days= max_days= max_tokens='
complete -c tokensh -n '__fish_seen_subcommand_from run; and not __fish_seen_subcommand_from audit drift expiring idle never offboard owners permissions rotate (__tokensh_own_recipes)' -a drift -d 'What changed since the last run: tokens that are new, gone or different; the store keeps what was seen'
complete -c tokensh -n '__fish_seen_subcommand_from run; and __fish_seen_subcommand_from drift' -a 'workspaces=tokensh.local.workspaces workspaces=tokensh.local.account_workspaces'
complete -c tokensh -n '__fish_seen_subcommand_from run; and not __fish_seen_subcommand_from audit drift expiring idle never offboard owners permissions rotate (__tokensh_own_recipes)' -a expiring -d 'Tokens that expire soon, with the days that are left'
complete -c tokensh -n '__fish_seen_subcommand_from run; and __fish_seen_subcommand_from expiring' -a 'workspaces=tokensh.local.workspaces workspaces=tokensh.local.account_workspaces days='
complete -c tokensh -n '__fish_seen_subcommand_from run; and not __fish_seen_subcommand_from audit drift expiring idle never offboard owners permissions rotate (__tokensh_own_recipes)' -a idle -d 'Tokens that nothing has used for long; Databricks revokes them after 90 days'
complete -c tokensh -n '__fish_seen_subcommand_from run; and __fish_seen_subcommand_from idle' -a 'workspaces=tokensh.local.workspaces workspaces=tokensh.local.account_workspaces days='
complete -c tokensh -n '__fish_seen_subcommand_from run; and not __fish_seen_subcommand_from audit drift expiring idle never offboard owners permissions rotate (__tokensh_own_recipes)' -a never -d 'Tokens that never expire'
complete -c tokensh -n '__fish_seen_subcommand_from run; and __fish_seen_subcommand_from never' -a 'workspaces=tokensh.local.workspaces workspaces=tokensh.local.account_workspaces'
complete -c tokensh -n '__fish_seen_subcommand_from run; and not __fish_seen_subcommand_from audit drift expiring idle never offboard owners permissions rotate (__tokensh_own_recipes)' -a offboard -d 'Revoke all tokens of a user or service principal in all workspaces, and say what remains and why'
complete -c tokensh -n '__fish_seen_subcommand_from run; and __fish_seen_subcommand_from offboard' -a 'user= workspaces=tokensh.local.workspaces workspaces=tokensh.local.account_workspaces'
complete -c tokensh -n '__fish_seen_subcommand_from run; and not __fish_seen_subcommand_from audit drift expiring idle never offboard owners permissions rotate (__tokensh_own_recipes)' -a owners -d 'Tokens per owner: how many, in how many workspaces, how many never expire'
complete -c tokensh -n '__fish_seen_subcommand_from run; and __fish_seen_subcommand_from owners' -a 'workspaces=tokensh.local.workspaces workspaces=tokensh.local.account_workspaces'
complete -c tokensh -n '__fish_seen_subcommand_from run; and not __fish_seen_subcommand_from audit drift expiring idle never offboard owners permissions rotate (__tokensh_own_recipes)' -a permissions -d 'Who may mint tokens, in each workspace'
complete -c tokensh -n '__fish_seen_subcommand_from run; and __fish_seen_subcommand_from permissions' -a 'workspaces=tokensh.local.workspaces workspaces=tokensh.local.account_workspaces'
complete -c tokensh -n '__fish_seen_subcommand_from run; and not __fish_seen_subcommand_from audit drift expiring idle never offboard owners permissions rotate (__tokensh_own_recipes)' -a rotate -d 'Rotate a token of yours: create a new one, deliver and verify it, then revoke the old one; run again, it continues'
complete -c tokensh -n '__fish_seen_subcommand_from run; and __fish_seen_subcommand_from rotate' -a 'comment= token_id= deployment_name= grace= lifetime='
complete -c tokensh -n '__fish_seen_subcommand_from run; and not __fish_seen_subcommand_from audit drift expiring idle never offboard owners permissions rotate (__tokensh_own_recipes)' -a '(__tokensh_own_recipes)'
complete -c tokensh -n '__fish_seen_subcommand_from run' -a '(__tokensh_own_parameters)'
