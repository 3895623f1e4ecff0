"""The marts a second time, in plain pandas: no code and no SQL of the pipeline,
only docs/domain.md and the marts' contract."""
