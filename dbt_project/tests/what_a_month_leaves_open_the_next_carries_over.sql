select
    this_month.month,
    this_month.unit_code,
    this_month.sector_code
from {{ ref('report_ii06a', v=1) }} as this_month
full outer join {{ ref('report_ii06a', v=1) }} as month_before
    on
        cast(this_month.month - interval '1' month as date) = month_before.month
        and this_month.unit_code = month_before.unit_code
        and this_month.sector_code = month_before.sector_code
where
    coalesce(this_month.carried_over, 0) <> coalesce(month_before.open_total, 0)
    and this_month.month > (select min(first_month.month) from {{ ref('report_ii06a', v=1) }} as first_month)
