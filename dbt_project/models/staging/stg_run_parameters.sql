with source as (
    select * from {{ source('raw', 'run_parameters') }}
),

renamed as (
    select
        cast(as_of as timestamp) as as_of,
        cast(as_of as date) as as_of_day,
        place_code,
        cast(counts_since as date) as counts_since,
        stopped_is_end,
        done_by_word,
        -- What all units together are called in print.
        whole_name_vi,
        late_phrases,
        in_time_phrases
    from source
)

select * from renamed
