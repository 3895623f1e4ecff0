-- What the reader may do that it should not: attributes, memberships, rights beyond select, things of its own.
select 'is ' || name as excess
from pg_roles,
    lateral (
        values
        ('superuser', rolsuper), ('createdb', rolcreatedb), ('createrole', rolcreaterole),
        ('replication', rolreplication), ('bypassrls', rolbypassrls)
    ) as attribute (name, has_it)
where rolname = '{{ reader }}' and has_it
union all
select 'is a member of ' || roleid::regrole::text from pg_auth_members
where member = '{{ reader }}'::regrole
union all
select 'may change ' || c.oid::regclass::text
from pg_class as c
where
    c.relnamespace::regnamespace::text in ('marts', 'audit') and c.relkind in ('r', 'p', 'v')
    and has_table_privilege('{{ reader }}', c.oid, 'insert, update, delete, truncate, references, trigger')
union all
select 'owns ' || c.oid::regclass::text from pg_class as c
where c.relowner = '{{ reader }}'::regrole
union all
select 'may create in schema ' || n.nspname
from pg_namespace as n
where n.nspname !~ '^pg_' and has_schema_privilege('{{ reader }}', n.oid, 'create')
order by 1;
