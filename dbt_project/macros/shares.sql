{# `part` of three parts in percent with two decimals, so that the three printed add up to exactly 100.00: the largest
   remainder method. Each part is rounded down; what is missing goes, 0.01 each, to the largest remainders, of equal
   ones to the part named first. `parts` lists the three counts in that order; NULL where they sum to 0. #}
{% macro percent_of_whole(part, parts) -%}
{%- set total = 'nullif(' ~ parts | join(' + ') ~ ', 0)' -%}
{%- set ahead = [] -%}
{%- set floors = [] -%}
{%- for other in parts -%}
    {%- do floors.append('floor(cast(10000 * ' ~ other ~ ' as double) / ' ~ total ~ ')') -%}
    {%- if other != part -%}
        {%- set wins = '>=' if parts.index(other) < parts.index(part) else '>' -%}
        {%- do ahead.append(
            'case when (10000 * ' ~ other ~ ') % ' ~ total ~ ' ' ~ wins ~ ' (10000 * ' ~ part ~ ') % ' ~ total
            ~ ' then 1 else 0 end'
        ) -%}
    {%- endif -%}
{%- endfor -%}
    cast(
        (
            floor(cast(10000 * {{ part }} as double) / {{ total }})
            + case when {{ ahead | join(' + ') }} < 10000 - ({{ floors | join(' + ') }}) then 1 else 0 end
        ) / 100 as decimal(5, 2)
    )
{%- endmacro %}

{# How many more dossiers, all of them submitted online, bring the rate to the target: the least n >= 0 with
   (numerator + n) / (denominator + n) >= target. In whole hundredths of a percent, so that no rounding adds one.
   NULL without a target, or where the target is 1 and something already came another way: no number would do. #}
{% macro additional_to_target(numerator, denominator, target) -%}
{%- set goal = 'round(10000 * ' ~ target ~ ')' -%}
    cast(
        case
            when 10000 * {{ numerator }} >= {{ goal }} * {{ denominator }} then 0
            when {{ target }} < 1
                then ceil(
                    ({{ goal }} * {{ denominator }} - 10000 * {{ numerator }}) / (10000 - {{ goal }})
                )
        end as bigint
    )
{%- endmacro %}
