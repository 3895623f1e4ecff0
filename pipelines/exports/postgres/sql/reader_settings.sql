-- What the reader's sessions begin with: a setting, its value, and whether it holds in this database alone.
select split_part(setting, '=', 1) as name, substr(setting, strpos(setting, '=') + 1) as value, d.setdatabase <> 0
from pg_db_role_setting d, unnest(d.setconfig) as setting
where d.setrole = '{{ reader }}'::regrole
    and d.setdatabase in (0, (select oid from pg_database where datname = current_database()));
