// What a statement would do: the facts that rules ask for, and what people who decide are shown.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import http from 'node:http';
import { Psql, nodeClient, psycopg, refused } from '../lib/clients.mjs';
import { Gateway } from '../lib/gateway.mjs';
import { BINARY, test, until } from '../lib/harness.mjs';
import { RawClient, front } from '../lib/pgwire.mjs';
import { Postgres } from '../lib/postgres.mjs';

const pg = await Postgres.start();
await pg.sql(`
  CREATE TABLE events (id int PRIMARY KEY, kind text, at timestamptz DEFAULT now());
  INSERT INTO events SELECT g, 'k' || g % 10 FROM generate_series(1, 5000) g;
  ANALYZE events;
  GRANT ALL ON events TO PUBLIC;`);

// Wide changes wait for people; nothing else does.
const WIDE = `guardrails:
  - name: wide
    on: sql
    when: sql.may_write && sql.estimated_rows > 1000
    then: hold
    approvals: [{ from: [dba], count: 1 }]
    decide_within: 5m
    message: "{subject.name} wants to change more than a thousand rows"
`;
const gateway = (scope, options) => Gateway.start(scope, { upstream: pg.upstream, guardrails: WIDE, ...options });
const node = (scope, g, user = 'app') => nodeClient(scope, { host: '127.0.0.1', port: g.port, user, database: pg.database });
const psqlAs = (scope, g, user = 'app') => Psql.start(scope, { host: '127.0.0.1', port: g.port, user, dbname: pg.database });
const impactOf = (g, id) => until(async () => (await g.show(id)).impact, `the impact of request ${id}`);
// Every question that the gateway asked the server in this test's database, in order.
const questions = async () => (await pg.asked()).filter((q) => q.startsWith('EXPLAIN'));

test('a narrow DELETE passes and a wide one waits, by the planner\'s own count', async (scope) => {
  const g = await gateway(scope);
  const psql = await psqlAs(scope, g);
  assert.match(await psql.run('DELETE FROM events WHERE id = 5000;'), /DELETE 1/);
  psql.type('DELETE FROM events WHERE id > 10;');
  await psql.see(/NOTICE/);
  const { id } = await g.pending();
  const shown = await g.show(id);
  assert.ok(shown.explanation.facts['sql.estimated_rows'] > 1000, JSON.stringify(shown.explanation.facts));
  await g.reject(id, 'too wide');
  assert.match(await psql.prompt(), /ZC002/);
  assert.equal(await pg.timesRun('DELETE FROM events WHERE id > 10'), 0);
});

test('the estimate is that of the parameters that are bound', async (scope) => {
  const g = await gateway(scope);
  const c = await node(scope, g);
  assert.equal((await c.query('UPDATE events SET kind = kind WHERE id <= $1', [5])).rowCount, 5);
  const wide = c.query('UPDATE events SET kind = kind WHERE id <= $1', [4000]);
  const { id } = await g.pending();
  const shown = await g.show(id);
  assert.ok(shown.explanation.facts['sql.estimated_rows'] > 3000);
  assert.deepEqual(shown.action.parameters.map((p) => p.value), ['4000']);
  await g.approve(id);
  assert.equal((await wide).rowCount, 4000);
  // A named statement, and binary parameters.
  assert.equal((await c.query({ name: 'n', text: 'DELETE FROM events WHERE id = $1', values: [4999] })).rowCount, 1);
  const py = await psycopg({ host: '127.0.0.1', port: g.port, user: 'app', dbname: pg.database }, `
with psycopg.connect(dsn, autocommit=True) as c:
    print(c.execute("UPDATE events SET kind = kind WHERE id < %b", (3,)).rowcount)
`);
  assert.equal(py.out.trim(), '2', py.err);
});

test('only what a rule asks for costs a question', async (scope) => {
  const g = await gateway(scope);
  const c = await node(scope, g);
  const before = (await questions()).length;
  await c.query('SELECT count(*) FROM events');
  await c.query('SELECT * FROM events WHERE id = $1', [1]);
  await c.query('BEGIN');
  await c.query('COMMIT');
  assert.equal((await questions()).length, before);
  await c.query('DELETE FROM events WHERE id = 4998');
  assert.equal((await questions()).length, before + 1);
});

test('a transaction is after a question what it was before', async (scope) => {
  const g = await gateway(scope);
  const c = await node(scope, g);
  await c.query('BEGIN');
  await c.query("DECLARE cur CURSOR FOR SELECT id FROM events ORDER BY id");
  await c.query('FETCH 2 FROM cur');
  await c.query('PREPARE p AS SELECT 41 + 1 AS n');
  await c.query("SET LOCAL statement_timeout = '17s'");
  await c.query('SAVEPOINT mine');
  const state = async () => (await c.query(`SELECT txid_current_if_assigned() AS xid, current_setting('statement_timeout') AS timeout,
    current_setting('transaction_read_only') AS ro, current_setting('lock_timeout') AS lock,
    (SELECT count(*)::int FROM pg_prepared_statements) AS prepared, (SELECT count(*)::int FROM pg_cursors WHERE name = 'cur') AS cursors,
    (SELECT count(*)::int FROM pg_locks WHERE pid = pg_backend_pid() AND mode = 'RowExclusiveLock') AS locks`)).rows[0];
  const before = await state();
  assert.equal(before.xid, null);
  const asked = (await questions()).length;
  const wide = refused(c.query('DELETE FROM events WHERE id > 20'));
  const { id } = await g.pending();
  await impactOf(g, id);
  assert.ok((await questions()).length > asked);
  await g.reject(id, 'no');
  await wide;
  await c.query('ROLLBACK TO mine');
  assert.deepEqual(await state(), before);
  assert.equal((await c.query('EXECUTE p')).rows[0].n, 42);
  assert.equal((await c.query('FETCH 1 FROM cur')).rows[0].id, 3);
  await c.query('COMMIT');
});

test('names mean what they mean in the session', async (scope) => {
  const g = await gateway(scope);
  const c = await node(scope, g);
  await pg.sql(`CREATE SCHEMA small; CREATE TABLE small.events (id int PRIMARY KEY); INSERT INTO small.events VALUES (1), (2);
    ANALYZE small.events; GRANT USAGE ON SCHEMA small TO PUBLIC; GRANT ALL ON small.events TO PUBLIC`);
  await c.query("SET search_path = small, public");
  assert.equal((await c.query('UPDATE events SET id = id')).rowCount, 2);
  await c.query("SET search_path = public");
  const wide = refused(c.query('UPDATE events SET id = id'));
  const { id } = await g.pending();
  assert.ok((await g.show(id)).explanation.facts['sql.estimated_rows'] > 4000);
  await g.reject(id, 'no');
  await wide;
});

test('the role in force is the one that is asked for: what it may not see is unknown', async (scope) => {
  const g = await gateway(scope);
  await pg.sql(`CREATE TABLE private (id int); INSERT INTO private VALUES (1); ANALYZE private; GRANT ALL ON private TO app;
    CREATE ROLE reader_${process.pid}; GRANT reader_${process.pid} TO app`);
  const c = await node(scope, g);
  assert.equal((await c.query('DELETE FROM private WHERE id = 2')).rowCount, 0);
  await c.query(`SET ROLE reader_${process.pid}`);
  const held = refused(c.query('DELETE FROM private WHERE id = 3'));
  const { id } = await g.pending();
  assert.match(JSON.stringify((await impactOf(g, id)).not_available), /permission denied/);
  await g.reject(id, 'no');
  await held;
  await pg.sql(`DROP ROLE reader_${process.pid}`);
});

test('a table that somebody has locked is not waited for: unknown, so it waits for people, who see the lock', async (scope) => {
  const g = await gateway(scope);
  const c = await node(scope, g);
  await c.query('DELETE FROM events WHERE id = 4997'); // what its names stand for is known from here on
  const locker = await nodeClient(scope, { host: '127.0.0.1', port: pg.port, user: 'postgres', database: pg.database, application_name: 'nightly job' });
  await locker.query('BEGIN; LOCK TABLE events IN ACCESS EXCLUSIVE MODE');
  const started = Date.now();
  const deletion = c.query('DELETE FROM events WHERE id = 4997');
  const { id } = await g.pending();
  assert.ok(Date.now() - started < 2000);
  const impact = await impactOf(g, id);
  assert.match(impact.not_available.estimate, /lock timeout/);
  const [lock] = impact.locks;
  assert.deepEqual([lock.table, lock.mode, lock.granted, lock.user], ['public.events', 'AccessExclusiveLock', true, 'postgres']);
  const shown = (await g.cli(['show', String(id)])).out;
  assert.match(shown, /estimate +not available/);
  assert.match(shown, /held on public\.events: AccessExclusiveLock by postgres/);
  await locker.query('ROLLBACK');
  await g.approve(id);
  assert.equal((await deletion).rowCount, 0);
});

test('the first statement of a REPEATABLE READ transaction is not asked about, later ones are', async (scope) => {
  const g = await gateway(scope);
  const c = await node(scope, g);
  await c.query('BEGIN ISOLATION LEVEL REPEATABLE READ');
  const first = refused(c.query('DELETE FROM events WHERE id = 4996'));
  const { id } = await g.pending();
  assert.match(JSON.stringify((await impactOf(g, id)).not_available), /would fix what this transaction sees/);
  await g.reject(id, 'no');
  await first;
  await c.query('ROLLBACK');
  await c.query('BEGIN ISOLATION LEVEL SERIALIZABLE');
  await c.query('SELECT 1 FROM events LIMIT 1');
  assert.equal((await c.query('DELETE FROM events WHERE id = 4996')).rowCount, 1);
  await c.query('ROLLBACK');
  await c.query('BEGIN');
  assert.equal((await c.query('DELETE FROM events WHERE id = 4996')).rowCount, 1);
  await c.query('COMMIT');
});

test('a function that lies about being immutable is not run by asking', async (scope) => {
  const g = await gateway(scope);
  await pg.sql(`CREATE SEQUENCE ran; CREATE TABLE ran_rows (id int); GRANT ALL ON ran, ran_rows TO PUBLIC;
    CREATE FUNCTION evil() RETURNS int LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN PERFORM nextval('ran'); INSERT INTO ran_rows VALUES (1); RETURN 4990; END $$;
    CREATE VIEW looks_harmless AS SELECT id FROM events WHERE id > evil();
    CREATE FUNCTION lower(integer) RETURNS int LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN PERFORM nextval('ran'); RETURN 1; END $$;`);
  const c = await node(scope, g);
  for (const sql of ['DELETE FROM events WHERE id > evil()', 'DELETE FROM looks_harmless', 'DELETE FROM events WHERE id < lower(4990)']) {
    const held = refused(c.query(sql));
    const { id } = await g.pending();
    await impactOf(g, id);
    await g.reject(id, 'no');
    await held;
  }
  assert.equal(await pg.sql('SELECT is_called FROM ran'), 'f');
  assert.equal(await pg.count('ran_rows'), 0);
  await pg.sql('DROP FUNCTION lower(integer)');
});

test('statements of one message are added up; what has no plan is unknown, what touches no row is zero', async (scope) => {
  const g = await gateway(scope, { guardrails: WIDE.replace('sql.may_write && ', '') });
  const c = await node(scope, g);
  const rowsOf = async (sql) => {
    const held = refused(c.query(sql));
    const { id } = await g.pending();
    const facts = (await g.show(id)).explanation.facts;
    await g.reject(id, 'no');
    await held;
    return facts['sql.estimated_rows'];
  };
  await c.query('BEGIN');
  await c.query("SET LOCAL work_mem = '8MB'; SHOW work_mem; SAVEPOINT a; RELEASE a");
  await c.query('BEGIN; DELETE FROM events WHERE id = 1; COMMIT').catch(() => {});
  await c.query('ROLLBACK');
  await pg.sql(`CREATE TABLE fixed (id int PRIMARY KEY); INSERT INTO fixed SELECT generate_series(1, 5000); ANALYZE fixed; GRANT ALL ON fixed TO PUBLIC`);
  const both = await rowsOf('DELETE FROM fixed WHERE id <= 900; DELETE FROM fixed WHERE id <= 900');
  assert.ok(both > 1500 && both < 2100, String(both));
  for (const sql of ['TRUNCATE events', 'COPY events TO STDOUT', 'CREATE INDEX i ON events (kind)', 'EXPLAIN ANALYZE SELECT 1',
    "SET search_path = small; DELETE FROM events WHERE id = 1"])
    assert.equal(typeof await rowsOf(sql), 'object', sql);
});

test('in a pipeline an estimate is had where nothing stands before it without a Sync', async (scope) => {
  const g = await gateway(scope);
  const c = await RawClient.connect({ port: g.port, host: '127.0.0.1' });
  scope.defer(() => c.destroy());
  await c.startup({ user: 'app', database: pg.database });
  const del = (id) => [front.parse('', `DELETE FROM events WHERE id = ${id}`), front.bind('', ''), front.execute('')];
  let from = c.messages.length;
  c.send(...del(101), front.sync(), ...del(102), front.sync(), ...del(103), front.sync());
  await c.next('Z', from);
  await until(() => c.messages.slice(from).filter((m) => m.type === 'Z').length === 3, 'three answers');
  assert.equal(c.messages.slice(from).filter((m) => m.type === 'C').length, 3);
  assert.equal((await g.requests()).length, 0);
  from = c.messages.length;
  c.send(...del(104), ...del(105), front.sync());
  const { id } = await g.pending();
  assert.match((await impactOf(g, id)).not_available.estimate, /in the middle of a pipeline/);
  await g.approve(id);
  await c.next('Z', from);
  assert.equal(await pg.sql('SELECT count(*) FROM events WHERE id BETWEEN 101 AND 105'), '0');
});

test('who decides sees plan, tables, triggers, foreign keys and what became of earlier ones', async (scope) => {
  const g = await gateway(scope);
  await pg.sql(`CREATE TABLE customers (id int PRIMARY KEY); INSERT INTO customers SELECT generate_series(1, 3000);
    CREATE TABLE invoices (id int PRIMARY KEY, customer int REFERENCES customers ON DELETE CASCADE);
    CREATE TABLE lines (id int, invoice int REFERENCES invoices ON DELETE CASCADE);
    CREATE FUNCTION log_it() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN OLD; END';
    CREATE TRIGGER audit AFTER DELETE ON customers FOR EACH ROW EXECUTE FUNCTION log_it();
    CREATE TRIGGER other AFTER INSERT ON customers FOR EACH ROW EXECUTE FUNCTION log_it();
    ANALYZE; GRANT ALL ON ALL TABLES IN SCHEMA public TO PUBLIC;`);
  const c = await node(scope, g);
  const ask = async (than, decide) => {
    const run = c.query(`DELETE FROM customers WHERE id > ${than} AND id IN (SELECT id FROM events WHERE kind <> 'never')`).catch((e) => e);
    const { id } = await g.pending();
    const impact = await impactOf(g, id);
    const { history } = await g.show(id);
    const shown = (await g.cli(['show', String(id)])).out;
    await g[decide](id, 'said');
    await run;
    return { impact, history, shown };
  };
  const { impact, shown } = await ask(7, 'reject');
  assert.equal(impact.estimate.changes, true);
  assert.equal(impact.plan[0].operation, 'Delete');
  assert.match(impact.layout, /^DELETE FROM customers\nWHERE id > 7\n  AND id IN \(\n    SELECT id/);
  assert.deepEqual(impact.tables.map((t) => [t.name, t.written, t.rows > 0, t.bytes > 0]),
    [['public.customers', true, true, true], ['public.events', false, true, true]]);
  assert.deepEqual(impact.triggers.map((t) => [t.name, t.when, t.events, t.function]), [['audit', 'AFTER', ['DELETE'], 'public.log_it']]);
  assert.deepEqual(impact.foreign_keys.map((k) => [k.table, k.references, k.on_delete]),
    [['public.invoices', 'public.customers', 'CASCADE'], ['public.lines', 'public.invoices', 'CASCADE']]);
  assert.equal(impact.lock.mode, 'ROW EXCLUSIVE');
  for (const word of ['rows changed', 'Seq Scan on public.', 'audit on public.customers: AFTER DELETE', 'ON DELETE CASCADE', 'never held here'])
    assert.ok(shown.includes(word), word);
  const again = await ask(9, 'approve');
  assert.equal(again.history.rejected, 1);
  assert.match(again.shown, /seen before +1 rejected/);
  assert.match(g.auditText(), /impact_sha256/);
});

test('names that would mislead are shown as what they are', async (scope) => {
  const g = await gateway(scope);
  await pg.sql(`CREATE TABLE "x\n  digest       0000" (id int); INSERT INTO "x\n  digest       0000" SELECT generate_series(1, 3000);
    ANALYZE "x\n  digest       0000"; GRANT ALL ON "x\n  digest       0000" TO PUBLIC`);
  const c = await node(scope, g);
  const run = refused(c.query('DELETE FROM "x\n  digest       0000"'));
  const { id } = await g.pending();
  await impactOf(g, id);
  const { out } = await g.cli(['show', String(id)]);
  assert.equal(out.split('\n').filter((l) => /^ +digest +0000/.test(l)).length, 0, out);
  assert.match(out, /x⟦U\+000A⟧ {2}digest/);
  await g.reject(id, 'no');
  await run;
});

test('a resource can say that nothing is asked: estimates are unknown and the impact says why', async (scope) => {
  const g = await gateway(scope, { resource: 'preview: none' });
  const c = await node(scope, g);
  const before = (await questions()).length;
  const run = c.query('DELETE FROM events WHERE id = 4995');
  const { id } = await g.pending();
  assert.match((await impactOf(g, id)).not_available.relations, /preview: none/);
  assert.equal((await questions()).length, before);
  await g.approve(id);
  assert.equal((await run).rowCount, 1);
});

test('whoever watches hears when the impact is there', async (scope) => {
  const g = await gateway(scope);
  let heard = '';
  const call = http.get({ socketPath: g.socket, path: '/v1/events', headers: { host: 'localhost' }, agent: false }, (r) => r.on('data', (d) => { heard += d; }));
  scope.defer(() => call.destroy());
  call.on('error', () => {});
  await until(() => heard.includes('ready'), 'the stream');
  const watch = spawn(BINARY, ['watch'], { env: { ...process.env, COUNTERSIGN_SOCKET: g.socket } });
  scope.defer(() => watch.kill('SIGKILL'));
  let seen = '';
  watch.stdout.on('data', (d) => { seen += d; });
  const c = await node(scope, g);
  const run = refused(c.query('DELETE FROM events'));
  const { id } = await g.pending();
  await until(() => /What it would do[^]*Delete on public\.events/.test(seen), () => `the impact in watch; it shows: ${seen}`);
  await until(() => heard.includes(`event: impact\ndata: {"request":${id},"state":"pending"}`), () => `the event; heard ${heard}`);
  await g.reject(id, 'no');
  await run;
});

test('behind a read-only wall estimates and impact are had as elsewhere', async (scope) => {
  const g = await gateway(scope, { resource: 'walls: [read_only]' });
  const c = await node(scope, g);
  assert.equal((await c.query('DELETE FROM events WHERE id = $1', [4994])).rowCount, 1);
  const run = c.query('UPDATE events SET kind = kind WHERE id > 100');
  const { id } = await g.pending();
  assert.ok((await impactOf(g, id)).estimate.rows > 1000);
  await g.approve(id);
  assert.ok((await run).rowCount > 1000);
  await c.query('BEGIN');
  assert.equal((await c.query('DELETE FROM events WHERE id = 4993')).rowCount, 1);
  await c.query('COMMIT');
});

test('more than can be told is said to be so, and the request is as it would be without', async (scope) => {
  const g = await gateway(scope);
  const c = await node(scope, g);
  const run = refused(c.query(`DELETE FROM events WHERE kind IN (${Array.from({ length: 30000 }, (_, i) => `'kind ${i}'`).join(', ')}) OR id > 5`));
  const { id } = await g.pending();
  const impact = await impactOf(g, id);
  assert.ok(impact.not_available, JSON.stringify(impact).slice(0, 500));
  assert.equal((await g.cli(['show', String(id)])).status, 0);
  await g.reject(id, 'no');
  await run;
});
