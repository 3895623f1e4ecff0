select
    filename as file,
    hour({{ column }}) as hour,
    count(*) as moments
from read_parquet($files, union_by_name = true, filename = true)
where {{ column }} is not null and cast({{ column }} as time) <> time '00:00:00'
group by all
