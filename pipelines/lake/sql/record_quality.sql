insert into {{ lake }}.audit.release_quality
with recorded as (
    select *
    from {{ lake }}.audit.release_quality
    qualify row_number() over (partition by source, batch_id order by release_id desc) = 1
)

select
    {{ release_id }} as release_id,
    present.source,
    present.partition_key,
    present.batch_id,
    present.sidecar_sha256,
    present.report_sha256,
    present.accepted_sha256,
    present.rejected_sha256
from {{ files }} as present
left join recorded
    on present.source = recorded.source and present.batch_id = recorded.batch_id
where
    recorded.batch_id is null
    or present.sidecar_sha256 is distinct from recorded.sidecar_sha256
    or present.report_sha256 is distinct from recorded.report_sha256
    or present.accepted_sha256 is distinct from recorded.accepted_sha256
    or present.rejected_sha256 is distinct from recorded.rejected_sha256
