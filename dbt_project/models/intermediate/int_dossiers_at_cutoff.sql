-- Received dossiers as known at each reporting cut-off, to the second: counts only.
with cutoffs as (

    select cutoffs.*
    from {{ ref('stg_reporting_cutoffs') }} as cutoffs
    cross join {{ ref('stg_run_parameters') }} as run
    where cutoffs.cutoff_at <= run.as_of

),

known as (

    select
        cutoffs.cutoff_at,
        cutoffs.period_start,
        timeline.dossier_code,
        arg_max(timeline.received_at, timeline.seq) as received_at,
        arg_max(timeline.channel, timeline.seq) as channel,
        max(case when timeline.status_code = 10 then 1 else 0 end) as is_returned
    from cutoffs
    inner join {{ ref('int_dossier_timeline') }} as timeline on timeline.recorded_at <= cutoffs.cutoff_at
    group by cutoffs.cutoff_at, cutoffs.period_start, timeline.dossier_code

)

select
    cutoff_at,
    count(*) as received,
    count(*) filter (where channel = 'online') as online,
    count(*) filter (where is_returned = 1) as returned
from known
where received_at between period_start and cutoff_at
group by cutoff_at
