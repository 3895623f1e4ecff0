{{ config(materialized='view') }}

select
    as_of,
    as_of_day,
    place_code,
    counts_since,
    stopped_is_end,
    done_by_word,
    whole_name_vi,
    late_phrases,
    in_time_phrases
from {{ ref('stg_run_parameters') }}
