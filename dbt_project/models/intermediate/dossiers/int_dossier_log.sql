{{ config(materialized='view') }}

-- A view: the wide columns are read once, for the current states only, straight from the accepted Parquet.
select log.*
from {{ ref('stg_dossier_log') }} as log
where
    not exists (
        select 1
        from {{ ref('int_dossier_log_duplicates') }} as superseded
        where log.batch_id = superseded.batch_id and log.batch_row = superseded.batch_row
    )
