-- Two passes: a 64-bit hash finds the few candidates (a collision only adds a candidate), then exact windows decide.
-- A window over the whole log would sort every row to find 2 % of them; a CTE of the log named twice would be laid
-- down whole and spill. Named once each, the first pass reads three columns and the second writes only candidates.
{%- set keys = [
    'batch_id', 'partition_key', 'batch_row', 'dossier_code', 'recorded_at', 'status_code', 'synced_at'
] %}
with repeated as (
    select hash(dossier_code, recorded_at, status_code) as key_hash
    from {{ ref('stg_dossier_log') }}
    group by 1
    having count(*) > 1
),

candidates as (
    select
        {{ keys | join(', ') }},
        {{ tuple_without(keys) }} as attributes
    from {{ ref('stg_dossier_log') }}
    where hash(dossier_code, recorded_at, status_code) in (select repeated.key_hash from repeated)
),

ranked as (
    select
        *,
        row_number() over latest_first as delivery,
        first_value(attributes) over latest_first as counting_attributes
    from candidates
    window latest_first as (
        partition by dossier_code, recorded_at, status_code
        order by synced_at desc, batch_id desc, batch_row desc
    )
)

select
    batch_id,
    partition_key,
    batch_row,
    dossier_code,
    recorded_at,
    status_code,
    synced_at,
    case when (attributes is not distinct from counting_attributes) then 'repeat' else 'correction' end as kind
from ranked
where delivery > 1
