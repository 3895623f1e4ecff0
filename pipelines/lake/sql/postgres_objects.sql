-- All that the schema of a catalogue in PostgreSQL holds, and the definition of each table as DuckLake would write it,
-- with whatever else there is about it.
select
    case c.relkind
        when 'r' then 'table' when 'i' then 'index' when 'v' then 'view' when 'm' then 'materialized view'
        when 'S' then 'sequence' when 'f' then 'foreign table' else 'other relation'
    end as kind,
    c.relname::text as name,
    (
        (c.relkind = 'r' and not c.relrowsecurity and not c.relispartition)
        or exists (
            select from pg_constraint as k
            where k.conindid = c.oid and k.contype = 'p'
        )
    ) as is_plain,
    case
        when c.relkind = 'r'
            then
                'CREATE TABLE ' || c.relname || '(' || (
                    select
                        string_agg(
                            a.attname || ' ' || upper(format_type(a.atttypid, a.atttypmod))
                            || case
                                when
                                    exists (
                                        select from pg_constraint as k
                                        where k.conrelid = c.oid and k.contype = 'p' and k.conkey = array[a.attnum]
                                    )
                                    then ' PRIMARY KEY'
                                when a.attnotnull then ' NOT NULL'
                                else ''
                            end
                            || case when a.atthasdef then ' DEFAULT' else '' end
                            || case when a.attcollation not in (0, 100) then ' COLLATE' else '' end,
                            ', ' order by a.attnum
                        )
                    from pg_attribute as a
                    where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
                ) || ')' || coalesce((
                    select ' ' || string_agg(pg_get_constraintdef(k.oid), ', ' order by k.conname)
                    from pg_constraint as k
                    where k.conrelid = c.oid and k.contype not in ('p', 'n')
                ), '')
        else ''
    end as definition
from pg_class as c
where c.relnamespace = 'public'::regnamespace and c.relkind <> 't'
union all
select
    'trigger',
    t.tgname::text,
    false,
    pg_get_triggerdef(t.oid)
from pg_trigger as t
inner join pg_class as c on t.tgrelid = c.oid
where c.relnamespace = 'public'::regnamespace and not t.tgisinternal
union all
select
    'rule',
    r.rulename::text,
    false,
    pg_get_ruledef(r.oid)
from pg_rewrite as r
inner join pg_class as c on r.ev_class = c.oid
where c.relnamespace = 'public'::regnamespace and r.rulename <> '_RETURN'
union all
select
    'policy',
    p.polname::text,
    false,
    ''
from pg_policy as p
inner join pg_class as c on p.polrelid = c.oid
where c.relnamespace = 'public'::regnamespace
