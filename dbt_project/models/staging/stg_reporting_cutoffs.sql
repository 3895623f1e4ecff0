-- The moments at which headlines are published.
select
    cutoff_at,
    period_start,
    label_vi,
    label_en
from {{ source('raw', 'reporting_cutoffs') }}
