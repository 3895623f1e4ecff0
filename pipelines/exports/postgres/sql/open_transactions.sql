-- Sessions in a transaction, and transactions that were prepared and hold their locks without a session.
select
    pid::text,
    usename,
    application_name,
    to_char(xact_start, 'YYYY-MM-DD HH24:MI:SS')
from pg_stat_activity
where datname = current_database() and pid <> pg_backend_pid() and xact_start is not null
union all
select
    '-',
    owner,
    'prepared transaction ' || gid,
    to_char(prepared, 'YYYY-MM-DD HH24:MI:SS')
from pg_prepared_xacts
where database = current_database()
order by 4
limit 5
