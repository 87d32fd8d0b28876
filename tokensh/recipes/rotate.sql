-- title: Rotate a token of yours: create a new one, deliver and verify it, then revoke the old one; run again, it continues
-- writes: yes
-- job: rotate
-- parameter: comment = : the comment of the token, unless token_id names it
-- parameter: token_id = : the id of the token
-- parameter: deployment_name = : its workspace, instead of the session's
-- parameter: grace (days) = 0: keep the old token for so long; a run after that revokes it
-- parameter: lifetime (days) = 0: how long the new token lives; 0 for as long as the old one was made for
-- The value goes where --deliver or --deliver-file says.
\rotate
