-- The run's as_of, as a table: changed dbt variables would throw the parse away.
select
    as_of,
    partition_day
from {{ source('raw', 'run_parameters') }}
