-- What the reader's sessions begin with: a setting, its value, and whether it holds in this database alone.
select
    split_part(parts.setting, '=', 1) as name,
    substr(parts.setting, strpos(parts.setting, '=') + 1) as value,
    d.setdatabase <> 0
from pg_db_role_setting as d, unnest(d.setconfig) as parts (setting)
where
    d.setrole = '{{ reader }}'::regrole
    and d.setdatabase in (
        0,
        (
            select databases.oid
            from pg_database as databases
            where databases.datname = current_database()
        )
    );
