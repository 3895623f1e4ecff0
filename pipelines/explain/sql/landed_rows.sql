with rejected as (
    select
        batch_id,
        _row,
        string_agg(distinct rule, ', ' order by rule) as rejected_by
    from {{ rejections }}
    group by batch_id, _row
)

select
    landed.batch_id,
    landed._row,
    rejected.rejected_by,
    landed.* exclude (batch_id, _row)
from landed
left join rejected on landed.batch_id = rejected.batch_id and landed._row = rejected._row
where
    landed.{{ item }} in (
        select item_code
        from items
        order by item_code
        limit {{ limit }}
    )
order by landed.{{ item }}, landed.batch_id, landed._row
limit {{ row_limit }}
