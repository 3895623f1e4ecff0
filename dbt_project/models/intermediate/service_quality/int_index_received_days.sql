-- Items of what was received (3.3, 3.6, 4.1, 4.2) day by day and unit: days add up to periods.
with dossiers as (
    select * from {{ ref('int_index_dossiers') }}
),

daily as (
    select
        '3.3' as item,
        received_day,
        receiving_unit_code as unit_code,
        {{ item_counts('is_strictly_online') }}
    from dossiers
    group by received_day, receiving_unit_code
    union all
    select
        '3.6' as item,
        received_day,
        receiving_unit_code as unit_code,
        {{ item_counts('is_paid_online') }}
    from dossiers
    where has_fee
    group by received_day, receiving_unit_code
    union all
    select
        '4.1' as item,
        received_day,
        receiving_unit_code as unit_code,
        {{ item_counts('has_required_result') }}
    from dossiers
    where needs_result
    group by received_day, receiving_unit_code
    union all
    select
        '4.2' as item,
        received_day,
        receiving_unit_code as unit_code,
        {{ item_counts('is_digitised_in_full') }}
    from dossiers
    group by received_day, receiving_unit_code
)

select * from daily
