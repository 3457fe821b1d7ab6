"""What a database's catalog says of our schema, as sorted lines: the same lines, the same schema."""

from heaters.store.db import Connection

LINES = """
with ours as (select oid from pg_namespace where nspname = 'public'),
     extensions as (select objid from pg_depend where deptype = 'e')
select format('column %s.%s %s null=%s default=%s identity=%s', c.relname, a.attname,
              format_type(a.atttypid, a.atttypmod), not a.attnotnull,
              pg_get_expr(d.adbin, d.adrelid), a.attidentity) as line
  from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
  left join pg_attrdef d on d.adrelid = c.oid and d.adnum = a.attnum
 where c.relnamespace in (select oid from ours) and c.relkind in ('r', 'p', 'v', 'm')
   and c.oid not in (table extensions)
union all
select format('view %s %s', c.relname, pg_get_viewdef(c.oid)) from pg_class c
 where c.relnamespace in (select oid from ours) and c.relkind in ('v', 'm') and c.oid not in (table extensions)
union all
select format('constraint %s %s %s deferred=%s', r.conrelid::regclass, r.conname, pg_get_constraintdef(r.oid),
              r.condeferred)
  from pg_constraint r where r.connamespace in (select oid from ours)
union all
select format('index %s', i.indexdef) from pg_indexes i where i.schemaname = 'public'
union all
select format('trigger %s', pg_get_triggerdef(t.oid)) from pg_trigger t where not t.tgisinternal
union all
select format('function %s', pg_get_functiondef(p.oid)) from pg_proc p
 where p.pronamespace in (select oid from ours) and p.oid not in (table extensions)
union all
select format('enum %s %s', t.typname, string_agg(e.enumlabel, ', ' order by e.enumsortorder))
  from pg_type t join pg_enum e on e.enumtypid = t.oid group by t.typname
union all
select format('extension %s', extname) from pg_extension
"""


def lines(connection: Connection) -> list[str]:
    """The schema of the database, without the table of applied migrations."""
    rows = connection.execute(LINES).fetchall()
    return sorted(row["line"] for row in rows if "schema_migrations" not in row["line"])
