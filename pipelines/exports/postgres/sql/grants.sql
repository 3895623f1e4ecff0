-- The grants are the defence (a reader may switch default_transaction_read_only off by itself).
grant usage on schema marts, audit to {{ reader }};
grant select on all tables in schema marts, audit to {{ reader }};
alter default privileges in schema marts, audit grant select on tables to {{ reader }};
revoke all on schema public from public;
do $$ begin
    execute format('revoke temporary on database %I from public', current_database());
    execute format('grant connect on database %I to {{ reader }}', current_database());
end $$;
