/*
 * The questions to the catalogue. Everything in them is named by its schema, operators too, so that the session's
 * search_path can lend nothing to them; they work from PostgreSQL 14 on. Parameters: schemas (NULL where the text
 * names none), names, OIDs (NULL but for what is named by number); $4 of functions: true for names of built-ins.
 *
 * Rows: number of the name (from 1), 'u' (whenever it is used) or 'w' (when rows are written), what follows:
 *   -  nothing                q  statements          e  expressions        a  definition of an SQL function
 *   p  definition in PL/pgSQL c  CREATE TRIGGER      d  not to be known    R  a rewrite rule
 *   f  function: schema, name g  trigger's function  t  type: schema, name x  foreign table: wrapper, options
 */
#pragma once

#define EQ " OPERATOR(pg_catalog.=) "
#define NE " OPERATOR(pg_catalog.<>) "
#define PATH "(pg_catalog.current_schemas(true))"
#define NAMED                                                                                      \
    "q AS (SELECT i, s, n, o FROM ROWS FROM (pg_catalog.unnest($1::pg_catalog.text[]), "           \
    "pg_catalog.unnest($2::pg_catalog.text[]), pg_catalog.unnest($3::pg_catalog.text[])) "         \
    "WITH ORDINALITY AS u(s, n, o, i))"
/* The schema `ns` is one in which the name q is looked for. */
#define REACHED                                                                                    \
    "((q.s IS NULL AND ns.nspname" EQ "ANY " PATH ") OR ns.nspname" EQ "q.s::pg_catalog.name OR "  \
    "(q.s" EQ "'pg_temp' AND ns.oid" EQ "pg_catalog.pg_my_temp_schema()))"
#define NOT_BUILTIN "ns.nspname" NE "'pg_catalog' AND ns.nspname" NE "'information_schema'"
#define MADE_WITH(class, oid, how)                                                                 \
    "EXISTS (SELECT FROM pg_catalog.pg_depend x WHERE x.classid" EQ "'pg_catalog." class           \
    "'::pg_catalog.regclass AND x.objid" EQ oid " AND x.deptype" EQ "'" how "')"
#define OF_EXTENSION(class, oid) MADE_WITH(class, oid, "e")
#define COMPILED "(f.prolang" EQ "12::pg_catalog.oid OR f.prolang" EQ "13::pg_catalog.oid)"
/* Compiled code of an extension that its author calls free of side effects, and what the server made together with a
 * type. Of functions that are called by name only IMMUTABLE counts: stable ones are known to run SQL from their
 * arguments (tablefunc, xml2). */
#define C_OPERATOR                                                                                 \
    "(" COMPILED " AND f.provolatile" NE "'v' AND (" OF_EXTENSION("pg_proc", "f.oid")              \
    " OR " MADE_WITH("pg_proc", "f.oid", "i") "))"

/* A search_path of its own in which nothing but built-ins and the session's temporary tables are found without a
 * schema: all that its names can be is among what they are for the session. */
#define OWN_PATH                                                                                   \
    "(pg_catalog.cardinality(m.proconfig)" EQ "1 AND m.proconfig[1] OPERATOR(pg_catalog.~) "       \
    "'^search_path=(pg_catalog|pg_temp|\"\"|, )*$')"

static const char SQL_CONTEXT[] =
    "SELECT pg_catalog.current_schemas(true)::pg_catalog.text, CURRENT_USER::pg_catalog.text, "
    "pg_catalog.current_database()::pg_catalog.text, pg_catalog.pg_my_temp_schema()::pg_catalog.text";

static const char SQL_RELATIONS[] =
    "WITH RECURSIVE " NAMED ", "
    "m AS (SELECT DISTINCT ON (q.i) q.i, c.oid, c.relkind, c.relrowsecurity, ns.nspname "
    "FROM q, pg_catalog.pg_class c, pg_catalog.pg_namespace ns "
    "WHERE c.relname" EQ "q.n::pg_catalog.name AND ns.oid" EQ "c.relnamespace AND " REACHED
    " ORDER BY q.i, pg_catalog.array_position(" PATH ", ns.nspname)), "
    "h(i, oid) AS (SELECT i, oid FROM m WHERE m.nspname" NE "'pg_catalog' AND m.nspname" NE "'information_schema' "
    "UNION SELECT h.i, n.inhrelid FROM h, pg_catalog.pg_inherits n WHERE n.inhparent" EQ "h.oid), "
    /* What a change of rows reaches: a view's tables; rows that foreign keys change or delete (UPDATE, DELETE: 24). */
    "w(i, oid, events) AS (SELECT i, oid, 124 FROM h UNION SELECT w.i, e.oid, w.events OPERATOR(pg_catalog.&) e.events FROM w, "
    "(SELECT n.inhparent AS parent, n.inhrelid AS oid, 124 AS events FROM pg_catalog.pg_inherits n "
    "UNION ALL SELECT r.ev_class, d.refobjid, 124 FROM pg_catalog.pg_rewrite r, pg_catalog.pg_depend d "
    "WHERE r.ev_type" EQ "'1' AND d.objid" EQ "r.oid AND d.classid" EQ "'pg_catalog.pg_rewrite'::pg_catalog.regclass "
    "AND d.refclassid" EQ "'pg_catalog.pg_class'::pg_catalog.regclass AND d.refobjid" NE "r.ev_class "
    "UNION ALL SELECT k.confrelid, k.conrelid, 24 FROM pg_catalog.pg_constraint k WHERE k.contype" EQ "'f' "
    "AND (k.confdeltype" EQ "ANY ('{c,n,d}'::pg_catalog.\"char\"[]) "
    "OR k.confupdtype" EQ "ANY ('{c,n,d}'::pg_catalog.\"char\"[]))) e WHERE e.parent" EQ "w.oid) "
    "SELECT m.i, 'u', '-', NULL, NULL FROM m "
    "UNION ALL SELECT h.i, 'u', 'q', pg_catalog.pg_get_viewdef(h.oid), NULL FROM h, pg_catalog.pg_class c "
    "WHERE c.oid" EQ "h.oid AND c.relkind" EQ "'v' "
    "UNION ALL SELECT h.i, 'u', 'e', pg_catalog.pg_get_expr(p.polqual, p.polrelid), NULL "
    "FROM h, pg_catalog.pg_class c, pg_catalog.pg_policy p "
    "WHERE c.oid" EQ "h.oid AND c.relrowsecurity AND p.polrelid" EQ "h.oid AND p.polqual IS NOT NULL "
    "UNION ALL SELECT h.i, 'w', 'e', pg_catalog.pg_get_expr(p.polwithcheck, p.polrelid), NULL "
    "FROM w AS h, pg_catalog.pg_class c, pg_catalog.pg_policy p "
    "WHERE c.oid" EQ "h.oid AND c.relrowsecurity AND p.polrelid" EQ "h.oid AND p.polwithcheck IS NOT NULL "
    "UNION ALL SELECT h.i, 'u', 'x', w.fdwname::pg_catalog.text, t.ftoptions::pg_catalog.text "
    "FROM h, pg_catalog.pg_foreign_table t, pg_catalog.pg_foreign_server s, pg_catalog.pg_foreign_data_wrapper w "
    "WHERE t.ftrelid" EQ "h.oid AND s.oid" EQ "t.ftserver AND w.oid" EQ "s.srvfdw "
    "UNION ALL SELECT h.i, 'w', 'R', NULL, NULL FROM w AS h, pg_catalog.pg_rewrite r "
    "WHERE r.ev_class" EQ "h.oid AND r.ev_type" NE "'1' AND r.ev_enabled" NE "'D' "
    "UNION ALL SELECT h.i, 'w', 'g', ns.nspname::pg_catalog.text, f.proname::pg_catalog.text "
    "FROM w AS h, pg_catalog.pg_trigger t, pg_catalog.pg_proc f, pg_catalog.pg_namespace ns "
    "WHERE t.tgrelid" EQ "h.oid AND NOT t.tgisinternal AND (t.tgtype::pg_catalog.int4 OPERATOR(pg_catalog.&) h.events)" NE "0 AND t.tgenabled" NE "'D' AND f.oid" EQ "t.tgfoid "
    "AND ns.oid" EQ "f.pronamespace "
    "UNION ALL SELECT h.i, 'w', 'c', pg_catalog.pg_get_triggerdef(t.oid), NULL FROM w AS h, pg_catalog.pg_trigger t "
    "WHERE t.tgrelid" EQ "h.oid AND NOT t.tgisinternal AND (t.tgtype::pg_catalog.int4 OPERATOR(pg_catalog.&) h.events)" NE "0 AND t.tgenabled" NE "'D' AND t.tgqual IS NOT NULL "
    "UNION ALL SELECT h.i, 'w', 'e', pg_catalog.pg_get_expr(d.adbin, d.adrelid), NULL "
    "FROM w AS h, pg_catalog.pg_attrdef d WHERE d.adrelid" EQ "h.oid "
    "UNION ALL SELECT h.i, 'w', 'e', pg_catalog.pg_get_expr(k.conbin, k.conrelid), NULL "
    "FROM w AS h, pg_catalog.pg_constraint k WHERE k.conrelid" EQ "h.oid AND k.contype" EQ "'c' "
    "UNION ALL SELECT h.i, 'w', 'e', pg_catalog.pg_get_expr(x.indexprs, x.indrelid), NULL "
    "FROM w AS h, pg_catalog.pg_index x WHERE x.indrelid" EQ "h.oid AND x.indexprs IS NOT NULL "
    "UNION ALL SELECT h.i, 'w', 'e', pg_catalog.pg_get_expr(x.indpred, x.indrelid), NULL "
    "FROM w AS h, pg_catalog.pg_index x WHERE x.indrelid" EQ "h.oid AND x.indpred IS NOT NULL "
    /* jsonb_populate_record(row, …) makes values of its columns' types, too. */
    "UNION ALL SELECT h.i, 'u', 't', ns.nspname::pg_catalog.text, t.typname::pg_catalog.text "
    "FROM w AS h, pg_catalog.pg_attribute a, pg_catalog.pg_type t, pg_catalog.pg_namespace ns "
    "WHERE a.attrelid" EQ "h.oid AND a.attnum OPERATOR(pg_catalog.>) 0::pg_catalog.int2 AND t.oid" EQ "a.atttypid "
    "AND t.typtype" EQ "'d' AND ns.oid" EQ "t.typnamespace AND " NOT_BUILTIN
    " UNION ALL SELECT h.i, 'w', 'e', pg_catalog.pg_get_expr(x.partexprs, x.partrelid), NULL "
    "FROM w AS h, pg_catalog.pg_partitioned_table x WHERE x.partrelid" EQ "h.oid AND x.partexprs IS NOT NULL";

static const char SQL_FUNCTIONS[] =
    "WITH " NAMED ", "
    "m AS (SELECT q.i, p.*, ns.nspname FROM q, pg_catalog.pg_proc p, pg_catalog.pg_namespace ns "
    "WHERE q.o IS NULL AND p.proname" EQ "q.n::pg_catalog.name AND ns.oid" EQ "p.pronamespace AND " REACHED
    " AND NOT ($4::pg_catalog.bool AND ns.nspname" EQ "'pg_catalog') "
    "UNION ALL SELECT q.i, p.*, ns.nspname FROM q, pg_catalog.pg_proc p, pg_catalog.pg_namespace ns "
    "WHERE p.oid" EQ "q.o::pg_catalog.oid AND ns.oid" EQ "p.pronamespace), "
    "k AS (SELECT m.i, m.oid, m.prosrc, CASE WHEN NOT (m.proconfig IS NULL OR " OWN_PATH ") THEN 'd' "
    "WHEN m.prokind" EQ "'a' THEN '-' "
    "WHEN pg_catalog.octet_length(m.prosrc) OPERATOR(pg_catalog.>) 50000 THEN 'd' "
    "WHEN l.lanname" EQ "'sql' AND m.prosrc" NE "'' THEN 'q' "
    "WHEN l.lanname" EQ "'sql' THEN 'a' "
    "WHEN l.lanname" EQ "'plpgsql' THEN 'p' "
    "WHEN m.provolatile" NE "'i' THEN 'd' "
    "WHEN (l.lanname" EQ "'c' OR l.lanname" EQ "'internal') AND (" OF_EXTENSION("pg_proc", "m.oid") " OR "
    MADE_WITH("pg_proc", "m.oid", "i") ") THEN '-' "
    "WHEN l.lanname" EQ "'internal' AND m.nspname" EQ "'pg_catalog' THEN '-' "
    "ELSE 'd' END AS what FROM m, pg_catalog.pg_language l WHERE l.oid" EQ "m.prolang) "
    "SELECT k.i, 'u', k.what, CASE WHEN k.what" EQ "'q' THEN k.prosrc "
    "WHEN k.what" EQ "'a' THEN pg_catalog.pg_get_function_sqlbody(k.oid) "
    "WHEN k.what" EQ "'p' THEN pg_catalog.pg_get_functiondef(k.oid) END, NULL FROM k "
    "UNION ALL SELECT m.i, 'u', 'e', pg_catalog.pg_get_expr(m.proargdefaults, 0::pg_catalog.oid), NULL FROM m "
    "WHERE m.proargdefaults IS NOT NULL "
    "UNION ALL SELECT m.i, 'u', 't', ns.nspname::pg_catalog.text, t.typname::pg_catalog.text "
    "FROM m, pg_catalog.pg_type t, pg_catalog.pg_namespace ns WHERE t.typtype" NE "'e' AND t.typtype" NE "'p' "
    "AND ns.oid" EQ "t.typnamespace AND (t.oid" EQ "m.prorettype OR t.oid" EQ "ANY (m.proargtypes::pg_catalog.oid[]) "
    "OR t.oid" EQ "ANY (m.proallargtypes)) AND " NOT_BUILTIN
    " UNION ALL SELECT q.i, 'u', 't', ns.nspname::pg_catalog.text, t.typname::pg_catalog.text "
    "FROM q, pg_catalog.pg_type t, pg_catalog.pg_namespace ns WHERE q.o IS NULL AND NOT $4::pg_catalog.bool "
    "AND t.typname" EQ "q.n::pg_catalog.name AND ns.oid" EQ "t.typnamespace AND " REACHED " AND " NOT_BUILTIN
    " UNION ALL SELECT q.i, 'u', '-', NULL, NULL FROM q WHERE q.s IS NULL AND q.o IS NULL AND EXISTS " /* (a).column */
    "(SELECT FROM pg_catalog.pg_attribute a WHERE a.attname" EQ "q.n::pg_catalog.name "
    "AND a.attnum OPERATOR(pg_catalog.>) 0::pg_catalog.int2) "
    "UNION ALL SELECT m.i, 'u', 'f', ns.nspname::pg_catalog.text, f.proname::pg_catalog.text "
    "FROM m, pg_catalog.pg_aggregate a, pg_catalog.pg_proc f, pg_catalog.pg_namespace ns "
    "WHERE a.aggfnoid::pg_catalog.oid" EQ "m.oid AND ns.oid" EQ "f.pronamespace AND f.oid" EQ
    "ANY (ARRAY[a.aggtransfn::pg_catalog.oid, a.aggfinalfn::pg_catalog.oid, a.aggcombinefn::pg_catalog.oid, "
    "a.aggserialfn::pg_catalog.oid, a.aggdeserialfn::pg_catalog.oid, a.aggmtransfn::pg_catalog.oid, "
    "a.aggminvtransfn::pg_catalog.oid, a.aggmfinalfn::pg_catalog.oid]) "
    "AND (ns.nspname" NE "'pg_catalog' OR f.provolatile" NE "'i')";

static const char SQL_TYPES[] =
    "WITH " NAMED ", "
    "m AS (SELECT q.i, t.oid, t.typtype, t.typelem, t.typcategory, t.typrelid, ns.nspname "
    "FROM q, pg_catalog.pg_type t, pg_catalog.pg_namespace ns "
    "WHERE q.o IS NULL AND t.typname" EQ "q.n::pg_catalog.name AND ns.oid" EQ "t.typnamespace AND " REACHED
    " UNION ALL SELECT q.i, t.oid, t.typtype, t.typelem, t.typcategory, t.typrelid, ns.nspname "
    "FROM q, pg_catalog.pg_type t, pg_catalog.pg_namespace ns "
    "WHERE t.oid" EQ "q.o::pg_catalog.oid AND ns.oid" EQ "t.typnamespace), "
    "e AS (SELECT m.i, m.typelem AS oid FROM m WHERE m.typcategory" EQ "'A' AND m.typelem" NE "0::pg_catalog.oid "
    "UNION ALL SELECT m.i, a.atttypid FROM m, pg_catalog.pg_attribute a WHERE m.typrelid" NE "0::pg_catalog.oid "
    "AND a.attrelid" EQ "m.typrelid AND a.attnum OPERATOR(pg_catalog.>) 0::pg_catalog.int2 "
    "UNION ALL SELECT m.i, t.typbasetype FROM m, pg_catalog.pg_type t WHERE t.oid" EQ "m.oid AND t.typtype" EQ "'d' "
    "UNION ALL SELECT m.i, r.rngsubtype FROM m, pg_catalog.pg_range r "
    "WHERE r.rngtypid" EQ "m.oid OR r.rngmultitypid" EQ "m.oid) "
    "SELECT m.i, 'u', CASE WHEN m.typtype" NE "'b' OR m.typcategory" EQ "'A' OR m.nspname" EQ "'pg_catalog' OR "
    OF_EXTENSION("pg_type", "m.oid") " THEN '-' ELSE 'd' END, NULL, NULL FROM m "
    "UNION ALL SELECT m.i, 'u', 'e', pg_catalog.pg_get_expr(k.conbin, 0::pg_catalog.oid), NULL "
    "FROM m, pg_catalog.pg_constraint k WHERE k.contypid" EQ "m.oid "
    "UNION ALL SELECT e.i, 'u', 't', ns.nspname::pg_catalog.text, t.typname::pg_catalog.text "
    "FROM e, pg_catalog.pg_type t, pg_catalog.pg_namespace ns WHERE t.oid" EQ "e.oid AND ns.oid" EQ "t.typnamespace "
    "AND t.typtype" NE "'e' AND " NOT_BUILTIN
    " UNION ALL SELECT m.i, 'u', 'f', ns.nspname::pg_catalog.text, f.proname::pg_catalog.text "
    "FROM m, pg_catalog.pg_cast c, pg_catalog.pg_proc f, pg_catalog.pg_namespace ns "
    "WHERE (c.castsource" EQ "m.oid OR c.casttarget" EQ "m.oid) AND f.oid" EQ "c.castfunc "
    "AND ns.oid" EQ "f.pronamespace AND " NOT_BUILTIN " AND NOT " C_OPERATOR;

static const char SQL_OPERATORS[] =
    "WITH " NAMED
    " SELECT q.i, 'u', 'f', fn.nspname::pg_catalog.text, f.proname::pg_catalog.text "
    "FROM q, pg_catalog.pg_operator o, pg_catalog.pg_namespace ns, pg_catalog.pg_proc f, pg_catalog.pg_namespace fn "
    "WHERE o.oprname" EQ "q.n::pg_catalog.name AND ns.oid" EQ "o.oprnamespace AND " REACHED " AND f.oid" EQ
    "o.oprcode::pg_catalog.oid AND fn.oid" EQ "f.pronamespace AND ns.nspname" NE "'pg_catalog' AND NOT " C_OPERATOR;

static const char SQL_AMBIENT[] =
    "WITH " NAMED
    " SELECT q.i, 'u', 'f', fn.nspname::pg_catalog.text, f.proname::pg_catalog.text "
    "FROM q, pg_catalog.pg_operator o, pg_catalog.pg_namespace ns, pg_catalog.pg_proc f, pg_catalog.pg_namespace fn "
    "WHERE ns.oid" EQ "o.oprnamespace AND ns.nspname" EQ "ANY " PATH " AND ns.nspname" NE "'pg_catalog' "
    "AND f.oid" EQ "o.oprcode::pg_catalog.oid AND fn.oid" EQ "f.pronamespace AND NOT " C_OPERATOR
    " AND EXISTS (SELECT FROM pg_catalog.pg_operator b WHERE b.oprname" EQ "o.oprname "
    "AND b.oprnamespace" EQ "'pg_catalog'::pg_catalog.regnamespace) "
    "UNION ALL SELECT q.i, 'u', 'f', ns.nspname::pg_catalog.text, f.proname::pg_catalog.text "
    "FROM q, pg_catalog.pg_cast c, pg_catalog.pg_proc f, pg_catalog.pg_namespace ns "
    "WHERE f.oid" EQ "c.castfunc AND ns.oid" EQ "f.pronamespace AND ns.nspname" NE "'pg_catalog' AND NOT " C_OPERATOR
    /* Sorting, grouping and indexes call what operator classes name, wherever that is. */
    " UNION ALL SELECT q.i, 'u', 'f', ns.nspname::pg_catalog.text, f.proname::pg_catalog.text "
    "FROM q, pg_catalog.pg_proc f, pg_catalog.pg_namespace ns WHERE ns.oid" EQ "f.pronamespace AND " NOT_BUILTIN
    " AND (f.oid" EQ "ANY (SELECT c.amproc::pg_catalog.oid FROM pg_catalog.pg_amproc c) OR f.oid" EQ
    "ANY (SELECT o.oprcode::pg_catalog.oid FROM pg_catalog.pg_amop c, pg_catalog.pg_operator o "
    "WHERE o.oid" EQ "c.amopopr)) AND NOT " C_OPERATOR
    /* Functions that can be written as a column of a row: (a).f, a.f. */
    " UNION ALL SELECT q.i, 'u', 'g', ns.nspname::pg_catalog.text, f.proname::pg_catalog.text "
    "FROM q, pg_catalog.pg_proc f, pg_catalog.pg_namespace ns, pg_catalog.pg_type t "
    "WHERE ns.oid" EQ "f.pronamespace AND ns.nspname" EQ "ANY " PATH " AND " NOT_BUILTIN
    " AND f.pronargs OPERATOR(pg_catalog.>) 0::pg_catalog.int2 "
    "AND (f.pronargs OPERATOR(pg_catalog.-) f.pronargdefaults)::pg_catalog.int4 OPERATOR(pg_catalog.<) 2 "
    "AND t.oid" EQ "f.proargtypes[0] AND (t.typtype" EQ "'c' OR t.typtype" EQ "'p' OR t.typtype" EQ "'d') "
    "AND f.prorettype" NE "'pg_catalog.trigger'::pg_catalog.regtype AND NOT " C_OPERATOR;

static const char SQL_EVENT_TRIGGERS[] =
    "WITH " NAMED
    " SELECT q.i, 'u', 'g', ns.nspname::pg_catalog.text, f.proname::pg_catalog.text "
    "FROM q, pg_catalog.pg_event_trigger e, pg_catalog.pg_proc f, pg_catalog.pg_namespace ns "
    "WHERE f.oid" EQ "e.evtfoid AND ns.oid" EQ "f.pronamespace AND e.evtenabled" NE "'D'";
