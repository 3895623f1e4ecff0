-- A row for each schema in which the reader lacks what the export grants: an administrator may have taken it away.
select schemas.nspname
from pg_namespace as schemas
where
    schemas.nspname in ('marts', 'audit')
    and (
        not has_schema_privilege('{{ reader }}', schemas.oid, 'usage')
        or exists (
            select 1
            from pg_class as tables
            where
                tables.relnamespace = schemas.oid
                and tables.relkind in ('r', 'p')
                and not has_table_privilege('{{ reader }}', tables.oid, 'select')
        )
    )
