-- Online dossiers by the day of receipt, unit and procedure: which procedures of the catalogue are used (3.2).
select
    received_day,
    receiving_unit_code,
    procedure_code,
    count(*) as uses
from {{ ref('int_index_dossiers') }}
where is_online
group by received_day, receiving_unit_code, procedure_code
