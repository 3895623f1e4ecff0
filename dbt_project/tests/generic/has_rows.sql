{# Uniqueness and not-null pass on an empty table: a model must have rows where `given` has some. #}
{% test has_rows(model, given, when="true") %}
select 'no rows' as problem
where
    exists (select 1 from {{ given }} where {{ when }})
    and not exists (select 1 from {{ model }})
{% endtest %}
