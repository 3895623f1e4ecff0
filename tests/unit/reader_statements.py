"""What a reader of the database may try, a statement to a line: to write, to make others wait, to look elsewhere."""

WRITES = """
select lo_from_bytea(0, 'x')
select lo_create(0)
select lo_creat(-1)
select lo_put(1, 0, 'x')
select lowrite(0, 'x')
select lo_unlink(1)
select pg_logical_emit_message(false, 'x', 'written into the log')
select pg_logical_emit_message(true, 'x', 'written into the log'::bytea)
insert into marts.releases select * from marts.releases
update marts.task set n = 0
delete from audit.releases
create table marts.extra (x int)
create table public.extra (x int)
create temp table extra (x int)
select 1 as x into temp extra
create materialized view marts.extra as select 1
create schema extra
create function public.extra() returns int language sql as 'select 1'
create sequence marts.extra
comment on table marts.task is 'extra'
alter table marts.task add column extra int
analyze marts.task
create temp view extra as select 1
create temp sequence extra
create type marts.extra as (a int)
create domain public.extra as int
create unlogged table marts.extra (x int)
create statistics marts.extra on code, n from marts.task
create policy extra on marts.task
create rule extra as on select to marts.task do instead select 1
create trigger extra before insert on marts.task execute function now()
create index on marts.task (n)
create event trigger extra on ddl_command_start execute function now()
create foreign data wrapper extra
create publication extra for all tables
create subscription extra connection 'host=127.0.0.1' publication extra
create database extra
create tablespace extra location '/tmp'
truncate marts.task
merge into marts.task t using marts.task s on t.code = s.code when matched then delete
with gone as (delete from marts.task returning *) select * from gone
explain analyze delete from marts.task
copy marts.task from stdin
do $$ begin execute 'create temp table extra (x int)'; end $$
alter table marts.task owner to bi_reader
alter table marts.task enable row level security
alter schema marts rename to extra
drop table marts.task
drop schema marts cascade
comment on column marts.task.n is 'extra'
comment on database province is 'extra'
select pg_create_physical_replication_slot('extra')
select pg_create_logical_replication_slot('extra', 'pgoutput')
select pg_create_restore_point('extra')
select pg_switch_wal()
checkpoint
"""
WAITS = """
select pg_advisory_lock(40766)
select pg_advisory_lock_shared(1)
select pg_advisory_xact_lock(1, 2)
select pg_try_advisory_lock(40766)
select pg_try_advisory_xact_lock_shared(1)
lock table marts.releases in share row exclusive mode
lock table marts.task in share mode
lock table marts.task
select * from marts.task for update
select * from marts.task for key share
select * from marts.task for share
select * from marts.task for no key update
lock table marts.task in row share mode
lock table audit.releases in row exclusive mode nowait
lock table pg_class
reindex table marts.task
select pg_backup_start('extra')
select pg_terminate_backend(pid) from pg_stat_activity where usename = 'postgres'
select pg_cancel_backend(pid) from pg_stat_activity where usename = 'postgres'
alter database province set statement_timeout = 1
alter role all set statement_timeout = 1
set session_replication_role = replica
set deadlock_timeout = '1ms'
"""
ELSEWHERE = """
select pg_read_file('PG_VERSION')
select pg_read_binary_file('PG_VERSION')
select pg_ls_dir('.')
select pg_stat_file('PG_VERSION')
select pg_ls_logdir()
select lo_import('/etc/passwd')
select lo_export(1, '/tmp/x')
copy marts.task to program 'cat'
copy marts.task to '/tmp/x'
select * from pg_authid
select * from pg_shadow
select * from pg_hba_file_rules
select pg_reload_conf()
set role postgres
set session authorization postgres
alter role postgres password 'extra'
alter role bi_reader createdb
alter role bi_reader connection limit -1
alter system set work_mem = '1GB'
alter database province owner to bi_reader
create role extra
set temp_file_limit = -1
set temp_tablespaces = 'pg_global'
select * from pg_largeobject
select * from pg_statistic
select * from pg_statistic_ext_data
select * from pg_user_mapping
select subconninfo from pg_subscription
select * from pg_file_settings
select * from pg_ident_file_mappings
select * from pg_backend_memory_contexts
select * from pg_toast.pg_toast_1255
select query_to_xml('select * from pg_authid', true, false, '')
select current_setting('data_directory')
select pg_current_logfile()
select pg_ls_waldir()
select pg_ls_tmpdir()
select pg_stat_reset()
select pg_log_backend_memory_contexts(pg_backend_pid())
copy marts.releases from program 'id'
load '/etc/passwd'
set log_statement = 'all'
set role pg_read_all_data
grant pg_read_all_data to bi_reader
grant postgres to bi_reader
alter role bi_reader valid until '2000-01-01'
alter role bi_reader nologin
alter default privileges for role postgres grant all on tables to bi_reader
reassign owned by postgres to bi_reader
drop role bi_reader
alter role bi_reader set temp_file_limit = -1
"""
