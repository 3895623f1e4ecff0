{{ config(materialized='view') }}

select
    as_of,
    as_of_day,
    place_code,
    counts_since
from {{ ref('stg_run_parameters') }}
