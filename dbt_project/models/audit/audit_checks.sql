select
    checks.source,
    checks.partition_key,
    checks.batch_id,
    checks.rule,
    checks.column_name,
    checks.scope,
    checks.severity,
    checks.evaluated,
    checks.unexpected,
    {{ rate('checks.unexpected', 'checks.evaluated') }} as unexpected_share,
    checks.observed,
    case
        when checks.unexpected = 0 then 'passed'
        when checks.severity = 'critical' then 'rejected'
        else 'warned'
    end as outcome,
    checks.reason_en,
    checks.reason_vi,
    batches.is_current,
    batches.is_accepted,
    checks.rules_sha256
from {{ ref('stg_checks') }} as checks
inner join {{ ref('stg_batches') }} as batches
    on checks.source = batches.source and checks.batch_id = batches.batch_id
