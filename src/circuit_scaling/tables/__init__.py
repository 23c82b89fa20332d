"""One schema per table: what every table on disk has passed, a module per pipeline.

A schema names the columns of a table with their types and ranges, its keys, and what must hold
between rows; the datasets of the catalogue check it whenever a table is loaded or saved
(``table.py``), and a refusal names table, column and rows. A new column goes into the schema of its
table, or into ``columns.py`` if several tables have it.

Words in column names: ``delta`` is a mean effect in logits and ``se`` its standard error, ``low``
and ``high`` are a 95 % interval, p and q as in ``docs/method.md``, *Uncertainty*; ``_<task>`` ends
a column of one task (``_ioi``, ``_anti_names``), ``n_`` begins a count and ``frac_`` a share;
``ablation`` and ``positions`` together are the kind of ablation. A missing value is not known.
"""
