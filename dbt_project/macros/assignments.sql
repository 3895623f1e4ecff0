{# CTE `fitting`: of each row of `things` the assignments that fit it (member_role, assignment_basis); `choice` 1 says most.
   A star fits anything. `things` has key, unit_code, sector_code and the column `category`. #}
{% macro fitting_assignments(things, key, category) -%}
-- Who must act: the assignment that fits and says most; a star fits anything.
fitting as (
    select
        {{ things }}.{{ key }},
        assignments.member_role,
        concat_ws(
            '+',
            case when assignments.category <> '*' then 'category' end,
            case when assignments.sector_code <> '*' then 'sector' end,
            case when assignments.unit_code <> '*' then 'area' end,
            case
                when assignments.category = '*' and assignments.sector_code = '*' and assignments.unit_code = '*'
                    then 'everything'
            end
        ) as assignment_basis,
        row_number() over (
            partition by {{ things }}.{{ key }}
            order by
                case when assignments.category = '*' then 0 else 1 end
                + case when assignments.sector_code = '*' then 0 else 1 end
                + case when assignments.unit_code = '*' then 0 else 1 end desc,
                -- Of equals, the kind of difficulty says more than where in the administration it arose.
                case when assignments.category = '*' then 1 else 0 end nulls last,
                assignments.member_role nulls last
        ) as choice
    from {{ things }}
    inner join {{ ref('int_assignments') }} as assignments
        on
            (assignments.category = '*' or {{ things }}.{{ category }} = assignments.category)
            and (assignments.sector_code = '*' or {{ things }}.sector_code = assignments.sector_code)
            and (assignments.unit_code = '*' or {{ things }}.unit_code = assignments.unit_code)
)
{%- endmacro %}
