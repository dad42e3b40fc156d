// The extended query protocol: parameters, pipelines, named statements, and what a refusal skips.
import assert from 'node:assert/strict';
import { nodeClient, psycopg, refused } from '../lib/clients.mjs';
import { Gateway } from '../lib/gateway.mjs';
import { sleep, test, until } from '../lib/harness.mjs';
import { Postgres } from '../lib/postgres.mjs';
import { RawClient, describe, front, u32 } from '../lib/pgwire.mjs';

const pg = await Postgres.start();
const gateway = (scope, options) => Gateway.start(scope, { upstream: pg.upstream, ...options });
const node = (scope, g) => nodeClient(scope, { host: '127.0.0.1', port: g.port, user: 'app', database: pg.database });
const raw = async (scope, g) => {
  const c = await RawClient.connect({ port: g.port, host: '127.0.0.1' });
  scope.defer(() => c.destroy());
  await c.startup({ user: 'app', database: pg.database });
  return c;
};
const words = (messages) => messages.filter((m) => m.type !== 'N' && m.type !== 'S').map(describe);

test('an approver sees the statement with its parameters, text and binary', async (scope) => {
  const g = await gateway(scope);
  const c = await raw(scope, g);
  c.send(front.parse('', 'UPDATE orders SET status = $1, total = $3 WHERE id = $2 -- shown', [25, 23, 1700]),
    front.bind('', '', ['sent & paid', u32(11), '12.50'], [0, 1, 0]), front.execute(''), front.sync());
  const { id } = await g.pending();
  const shown = await g.cli(['show', String(id)]);
  assert.match(shown.out, /UPDATE orders SET status = \$1, total = \$3 WHERE id = \$2 -- shown/);
  assert.match(shown.out, /sent & paid/);
  assert.match(shown.out, /\b11\b/);
  assert.match(shown.out, /12\.50/);
  const from = c.messages.length;
  await g.approve(id);
  await c.next('Z', from);
  assert.equal(await pg.sql('SELECT status, total FROM orders WHERE id = 11'), 'sent & paid|12.50');
});

test('a binary parameter of a type that is not known is shown as its bytes in hex', async (scope) => {
  const g = await gateway(scope);
  const c = await raw(scope, g);
  c.send(front.parse('', 'UPDATE orders SET status = $1::point::text WHERE id = 1', [600]),
    front.bind('', '', [Buffer.from('3ff00000000000004000000000000000', 'hex')], [1]), front.execute(''), front.sync());
  const { id } = await g.pending();
  assert.match((await g.cli(['show', String(id)])).out, /3ff00000000000004000000000000000/i);
  await g.reject(id, 'no');
});

test('node-postgres: a parameterised statement waits, runs once approved, and counts its rows', async (scope) => {
  const g = await gateway(scope);
  const client = await node(scope, g);
  const held = client.query('UPDATE orders SET status = $1 WHERE id = ANY($2)', ['packed', [12, 13]]);
  const { id } = await g.pending();
  await until(() => client.notices.some((n) => n.message.includes(String(id)) || (n.detail ?? '').includes(String(id))), 'the notice');
  await g.approve(id);
  assert.equal((await held).rowCount, 2);
  await g.reaches(id, 'completed');
});

test('node-postgres: a rejection is an error with code, detail and hint, and the client is usable after', async (scope) => {
  const g = await gateway(scope);
  const client = await node(scope, g);
  const held = refused(client.query({ name: 'del', text: 'DELETE FROM orders WHERE id = $1', values: [1] }));
  await g.reject((await g.pending()).id, 'not that one');
  const error = await held;
  assert.equal(error.code, 'ZC002');
  assert.match(error.detail, /not that one/);
  assert.ok(error.hint);
  assert.equal((await client.query({ name: 'sel', text: 'SELECT $1::int AS x', values: [5] })).rows[0].x, 5);
  const again = refused(client.query({ name: 'del', text: 'DELETE FROM orders WHERE id = $1', values: [2] }));
  await g.reject((await g.pending()).id, 'still no');
  assert.equal((await again).code, 'ZC002');
  assert.equal(await pg.timesRun('DELETE FROM orders WHERE id = $1'), 0);
});

test('after a refusal the rest up to Sync is skipped, exactly as after an error of the server', async (scope) => {
  const g = await gateway(scope);
  const c = await raw(scope, g);
  const batch = (sql) => [front.parse('', 'SELECT 1'), front.bind('', ''), front.execute(''),
    front.parse('', sql), front.bind('', ''), front.execute(''),
    front.parse('', "INSERT INTO notes (body) VALUES ('skipped')"), front.bind('', ''), front.execute(''), front.sync()];
  const denied = words(await c.ask(...batch('TABLE secrets')));
  assert.deepEqual(denied, ['parsed', 'bound', 'row', 'complete SELECT 1', 'error ZC001', 'ready I']);
  assert.equal(await pg.timesRun('skipped'), 0);
  assert.deepEqual(words(await c.ask(front.query('SELECT 1'))), ['row description', 'row', 'complete SELECT 1', 'ready I']);
});

test('in a pipeline what came before a held statement is answered, what comes after waits', async (scope) => {
  const g = await gateway(scope);
  const c = await raw(scope, g);
  const one = (sql) => [front.parse('', sql), front.bind('', ''), front.execute(''), front.sync()];
  c.send(...one("SELECT 'before'"), ...one('DELETE FROM orders WHERE id = 15'), ...one("SELECT 'after'"));
  const { id } = await g.pending();
  await c.until(() => c.messages.filter((m) => m.type === 'C').length === 1, 'the first result');
  await sleep(300);
  assert.equal(await pg.timesRun("'after'"), 0);
  assert.equal(c.messages.filter((m) => m.type === 'C').length, 1);
  await g.approve(id);
  await c.until(() => c.messages.filter((m) => m.type === 'C').length === 3, 'all results');
  assert.deepEqual(c.messages.filter((m) => m.type === 'C').map(describe), ['complete SELECT 1', 'complete DELETE 1', 'complete SELECT 1']);
});

test('a statement prepared while harmless is judged again with what it is bound to at each Execute', async (scope) => {
  const g = await gateway(scope, { guardrails: `guardrails:
  - name: big
    on: sql
    when: sql.writes
    then: hold
    approvals: [{ from: [dba], count: 1 }]
    message: "writes wait"
` });
  const c = await raw(scope, g);
  await c.ask(front.parse('w', 'UPDATE orders SET total = $1::numeric WHERE id = 16'), front.describe('S', 'w'), front.sync());
  for (const total of ['1', '2']) {
    c.send(front.bind('', 'w', [total]), front.execute(''), front.sync());
    const { id } = await g.pending();
    const from = c.messages.length;
    await g.approve(id);
    await c.next('Z', from);
  }
  assert.equal(await pg.sql('SELECT total FROM orders WHERE id = 16'), '2');
});

test('in an aborted pipeline a Close and Parse that the server ignores do not change what is judged', async (scope) => {
  const g = await gateway(scope);
  const c = await raw(scope, g);
  await c.ask(front.parse('s', 'DELETE FROM orders WHERE id = 17'), front.sync());
  await c.ask(front.parse('', 'SELECT 1/0'), front.bind('', ''), front.execute(''),
    front.close('S', 's'), front.parse('s', 'SELECT 1'), front.sync());
  c.send(front.bind('', 's'), front.execute(''), front.sync());
  const { id } = await g.pending();
  assert.match((await g.cli(['show', String(id)])).out, /DELETE FROM orders WHERE id = 17/);
  await g.reject(id, 'caught');
  await c.next('Z');
  assert.equal(await pg.timesRun('WHERE id = 17'), 0);
});

test('a portal read in pieces is judged once: the pieces after the first are the same statement', async (scope) => {
  const g = await gateway(scope);
  const c = await raw(scope, g);
  c.send(front.parse('', 'UPDATE orders SET total = total WHERE id < 6 RETURNING id'), front.bind('p', ''), front.execute('p', 2), front.flush());
  const { id } = await g.pending();
  await g.approve(id);
  await c.next('s', 0);
  c.send(front.execute('p', 2), front.flush());
  await c.until(() => c.messages.filter((m) => m.type === 'D').length === 4, 'four rows');
  await c.ask(front.sync());
  assert.equal((await g.requests()).length, 1);
});

test('SQL PREPARE and EXECUTE do not carry a write past the guardrail', async (scope) => {
  const g = await gateway(scope);
  const c = await raw(scope, g);
  c.send(front.query('PREPARE p AS DELETE FROM orders WHERE id = 18'));
  await sleep(300);
  const waiting = await g.requests('pending');
  if (waiting.length) await g.approve(waiting[0].id);
  await c.next('Z', c.messages.findIndex((m) => m.type === 'Z') + 1);
  c.send(front.query('EXECUTE p'));
  const { id } = await g.pending();
  assert.equal(await pg.sql('SELECT count(*) FROM orders WHERE id = 18'), '1');
  await g.reject(id, 'no');
});

test('psycopg: held, approved, then rejected, in one connection', async (scope) => {
  const g = await gateway(scope);
  const done = psycopg({ host: '127.0.0.1', port: g.port, user: 'app', dbname: pg.database }, `
with psycopg.connect(dsn, autocommit=True) as c:
    n = c.execute("UPDATE orders SET status = %s WHERE id = %s", ("py", 19)).rowcount
    try:
        c.execute("DELETE FROM orders WHERE id = %s", (19,))
        print("ran")
    except psycopg.Error as e:
        print(json.dumps({"rows": n, "code": e.sqlstate, "detail": e.diag.message_detail,
                          "after": c.execute("SELECT 7").fetchone()[0]}))
`);
  await g.approve((await g.pending()).id);
  await g.reject((await g.pending()).id, 'keep it');
  const r = await done;
  assert.equal(r.status, 0, r.err);
  const said = JSON.parse(r.out);
  assert.equal(said.rows, 1);
  assert.equal(said.code, 'ZC002');
  assert.match(said.detail, /keep it/);
  assert.equal(said.after, 7);
});

test('psycopg: a pipeline with prepared statements passes untouched', async (scope) => {
  const g = await gateway(scope);
  const r = await psycopg({ host: '127.0.0.1', port: g.port, user: 'app', dbname: pg.database }, `
with psycopg.connect(dsn, prepare_threshold=1) as c:
    with c.pipeline():
        cursors = [c.execute("SELECT %s::int * 2", (i,)) for i in range(500)]
    print(sum(x.fetchone()[0] for x in cursors))
`);
  assert.equal(r.out.trim(), String(499 * 500), r.err);
});
