create table if not exists marts.releases (
    loaded_at timestamptz primary key default clock_timestamp(),
    release_id bigint not null,
    published_at timestamp not null,
    as_of timestamp not null,
    snapshot_id bigint not null,
    code_version text not null,
    release_hash text not null,
    how text not null
);
comment on table marts.releases is
'EN Releases this database has held; the last loaded is the one it holds. '
'/ VI Các bản phát hành đã nạp; bản nạp sau cùng là bản đang phục vụ.';
