{{ config(materialized='view') }}

-- The periods that the index is read for; a day or a week has too few dossiers to score a commune by.
select *
from {{ ref('int_periods') }}
where {{ is_index_period('period') }}
