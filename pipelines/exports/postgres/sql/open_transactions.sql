select
    pid,
    usename,
    application_name,
    to_char(xact_start, 'YYYY-MM-DD HH24:MI:SS')
from pg_stat_activity
where datname = current_database() and pid <> pg_backend_pid() and xact_start is not null
order by xact_start
limit 5
