with landed as ({{ texts }}),

failed_rules as (
    select
        landed.*,
        rules.*,
        {{ fault }} as fault
    from landed
    inner join failures using (_key)
    inner join rules using (rule)
),

failed_rows as (
    select
        failed_rules._key,
        list(
            {
                'rule': failed_rules.name,
                'column_name': failed_rules.fault,
                'bad_value': {{ value }},
                'reason_en': failed_rules.reason_en,
                'reason_vi': failed_rules.reason_vi
            } order by failed_rules.rule
        ) as failures
    from failed_rules
    group by failed_rules._key
)

select
    landed._key,
    landed._row,
    landed.row_key,
    case
        when {{ whole_key }} then [{{ key_texts | join(", ") }}]
    end as record_key,
    {{ unit }} as unit_code,
    failed_rows.failures,
    {{ columns | join(", ") }}
from landed
inner join failed_rows using (_key)
inner join typed using (_key)
