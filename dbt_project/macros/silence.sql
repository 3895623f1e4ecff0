{# CTEs that end in `missing`: of each thing of the CTE `kept` (snapshot_day, key) the snapshots that no longer list it:
   key, state_day (the snapshot that showed it last), missing_day (the first that did not). A row that validation
   rejected is no silence. `key` is the one column of the source's key. #}
{% macro missing_since(source, key) -%}
snapshot_days as (
    select
        snapshot_day,
        lead(snapshot_day) over (order by snapshot_day nulls last) as next_snapshot_day
    from (select distinct kept.snapshot_day from kept) as days
),

mentions as (
    select
        snapshot_day,
        {{ key }},
        snapshot_day as kept_day
    from kept
    union all
    select distinct
        rejections.partition_key as snapshot_day,
        rejections.row_key as {{ key }},
        cast(null as date) as kept_day
    from {{ ref('stg_rejections') }} as rejections
    where rejections.source = '{{ source }}' and rejections.is_current
),

followed as (
    select
        mentions.{{ key }},
        mentions.snapshot_day,
        snapshot_days.next_snapshot_day,
        {{ last_value_there('mentions.kept_day') }} over so_far as state_day,
        lead(mentions.snapshot_day) over by_mention as next_mention_day
    from mentions
    inner join snapshot_days on mentions.snapshot_day = snapshot_days.snapshot_day
    window
        by_mention as (
            partition by mentions.{{ key }} order by mentions.snapshot_day nulls last, mentions.kept_day nulls first
        ),
        so_far as (
            partition by mentions.{{ key }}
            order by mentions.snapshot_day nulls last, mentions.kept_day nulls first
            rows between unbounded preceding and current row
        )
),

missing as (
    select
        {{ key }},
        state_day,
        next_snapshot_day as missing_day
    from followed
    where next_snapshot_day is not null and (next_mention_day is null or next_mention_day > next_snapshot_day)
)
{%- endmacro %}
{# The states of a snapshot source with what its silence ended: `kept` (one row a key and snapshot day: is_open_status,
   closed_at, closed_as, as_of) and, of each key that the next snapshot no longer has, one more row on that day: what
   was open has been withdrawn. `is_listed` tells the two apart. #}
{% macro states_and_withdrawals(source, key) -%}
{%- set own = ['snapshot_day', 'is_open_status', 'closed_at', 'closed_as', 'as_of', 'delivery'] -%}
{{ missing_since(source, key) }},

states as (
    select
        {{ star_without('kept', own) }},
        kept.snapshot_day,
        kept.is_open_status,
        kept.closed_at,
        kept.closed_as,
        true as is_listed
    from kept
    union all
    select
        {{ star_without('kept', own) }},
        missing.missing_day as snapshot_day,
        false as is_open_status,
        coalesce(kept.closed_at, least({{ end_of_day('missing.missing_day') }}, kept.as_of)) as closed_at,
        coalesce(kept.closed_as, 'withdrawn') as closed_as,
        false as is_listed
    from missing
    inner join kept on missing.{{ key }} = kept.{{ key }} and missing.state_day = kept.snapshot_day
)
{%- endmacro %}
