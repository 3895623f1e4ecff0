-- Functions of the server that write to its disk, or lock what others wait for, and that everybody may call.
select p.oid::regprocedure::text as signature
from pg_proc as p
where
    p.pronamespace = 'pg_catalog'::regnamespace
    and p.proname ~ '^(lo_.*|loread|lowrite|pg_(try_)?advisory_.*|pg_logical_emit_message)$'
    and has_function_privilege('{{ reader }}', p.oid, 'execute')
order by 1;
