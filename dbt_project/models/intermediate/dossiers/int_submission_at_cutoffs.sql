-- A calculation of its own, to the second: the state at the cut-off, not at the end of its day.
with cutoffs as (
    select cutoffs.*
    from {{ ref('stg_reporting_cutoffs') }} as cutoffs
    inner join {{ ref('int_as_of') }} as run on cutoffs.cutoff_at <= run.as_of
),

counted as (
    select
        cutoff_at,
        coalesce(unit_code, {{ whole() }}) as unit_code,
        count(*) as received,
        {{ count_if('is_online') }} as online,
        {{ count_if('is_strictly_online') }} as strictly_online,
        {{ count_if('is_returned') }} as returned
    from {{ ref('int_cutoff_dossiers') }}
    group by grouping sets ((cutoff_at, unit_code), (cutoff_at))
),

-- A cut-off before which nothing was received has the province's row, with zeros.
slices as (
    select
        cutoff_at,
        {{ whole() }} as unit_code
    from cutoffs
    union
    select
        cutoff_at,
        unit_code
    from counted
),

final as (
    select
        cutoffs.cutoff_at,
        slices.unit_code,
        cutoffs.period_start,
        cutoffs.label_vi,
        cutoffs.label_en,
        coalesce(counted.received, 0) as received,
        coalesce(counted.online, 0) as online,
        coalesce(counted.strictly_online, 0) as strictly_online,
        coalesce(counted.returned, 0) as returned
    from slices
    inner join cutoffs on slices.cutoff_at = cutoffs.cutoff_at
    left join counted on slices.cutoff_at = counted.cutoff_at and slices.unit_code = counted.unit_code
)

select * from final
