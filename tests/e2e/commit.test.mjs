// hold_at: commit: the statement runs, its COMMIT waits for people, who see what it really changed. Tables, seen
// from another session, are the judges.
import assert from 'node:assert/strict';
import { nodeClient, refused } from '../lib/clients.mjs';
import { Gateway } from '../lib/gateway.mjs';
import { sleep, test, until } from '../lib/harness.mjs';
import { Postgres } from '../lib/postgres.mjs';
import { RawClient, fields, front } from '../lib/pgwire.mjs';

const { bind, cancel, execute, flush, parse, query, sync } = front;

const pg = await Postgres.start();
await pg.sql(`
  CREATE TABLE lines (id serial PRIMARY KEY, order_id int REFERENCES orders ON DELETE CASCADE);
  CREATE TABLE log (id serial PRIMARY KEY, what text);
  CREATE TABLE late (id int PRIMARY KEY DEFERRABLE INITIALLY DEFERRED);
  CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO log (what) VALUES (TG_OP); RETURN NULL; END $$;
  CREATE TRIGGER note AFTER DELETE ON orders FOR EACH STATEMENT EXECUTE FUNCTION note();
  GRANT ALL ON ALL TABLES IN SCHEMA public TO PUBLIC; GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO PUBLIC`);

const rules = (more = '') => `guardrails:
  - name: see-first
    on: sql
    when: sql.may_write
    then: hold
    hold_at: commit
    approvals: [{ from: [dba], count: 1 }]
    message: "{subject.name} changes rows"
    ${more}
`;

async function start(scope, { more, ...options } = {}) {
  await pg.sql(`TRUNCATE orders, lines, log, late; INSERT INTO orders SELECT g, 'new', g FROM generate_series(1, 20) g;
    INSERT INTO lines (order_id) SELECT g FROM generate_series(1, 20) g, generate_series(1, 2)`);
  const g = await Gateway.start(scope, { upstream: pg.upstream, guardrails: rules(more), ...options });
  const c = await RawClient.connect({ port: g.port, host: '127.0.0.1' });
  scope.defer(() => c.destroy());
  await c.startup({ user: 'app', database: pg.database });
  return { g, c };
}

const codes = (messages) => messages.filter((m) => m.type === 'E').map((m) => fields(m.body).C);
const tags = (messages) => messages.filter((m) => m.type === 'C').map((m) => m.body.toString('latin1', 0, m.body.length - 1));
const types = (messages) => messages.map((m) => m.type).filter((t) => t !== 'N').join('');
const run1 = (sql) => [parse('', sql), bind('', ''), execute('')];
const DELETE = 'DELETE FROM orders WHERE id <= 3';
const changed = (r) => Object.fromEntries(r.action.changed.map((t) => [`${t.schema}.${t.table}`, [t.inserted, t.updated, t.deleted]]));

for (const [protocol, messages] of [['simple', (sql) => [query(sql)]], ['extended', (sql) => [...run1(sql), sync()]]]) {
  test(`${protocol}: what it really changed is on the request, triggers and cascades included; approved, it is committed`, async (scope) => {
    const { g, c } = await start(scope);
    const answer = c.ask(...messages(`${DELETE} RETURNING id`));
    const request = await g.pending();
    const shown = await g.show(request.id);
    assert.deepEqual(changed(shown), { 'public.lines': [0, 0, 6], 'public.log': [1, 0, 0], 'public.orders': [0, 0, 3] });
    assert.deepEqual(shown.action.results, ['DELETE 3']);
    assert.equal(shown.action.statements[0].text, `${DELETE} RETURNING id`);
    assert.match((await g.cli(['show', String(request.id)])).out, /has not committed[^]*public\.orders: 3 deleted/);
    assert.equal(await pg.count(), 20, 'nobody else sees it yet');
    assert.equal(types(c.messages).includes('D'), false, 'and its rows are withheld');
    await g.approve(request.id);
    const got = await answer;
    assert.deepEqual(tags(got), ['DELETE 3']);
    assert.equal(got.filter((m) => m.type === 'D').length, 3);
    assert.equal(String.fromCharCode(got.at(-1).body[0]), 'I');
    assert.equal(await pg.count(), 17);
    await g.reaches(request.id, 'completed');
    assert.match(g.auditText(), /"hold_at":"commit"/);
    assert.deepEqual(tags(await c.ask(query('SELECT 1'))), ['SELECT 1']);
  });

  test(`${protocol}: rejected, it is rolled back, and the client sees one error`, async (scope) => {
    const { g, c } = await start(scope);
    const answer = c.ask(...messages(`${DELETE} RETURNING id`));
    const request = await g.pending();
    await g.reject(request.id, 'too many');
    const got = await answer;
    assert.deepEqual(codes(got), ['ZC002']);
    assert.equal(types(got), 'EZ');
    assert.equal(await pg.count(), 20);
    assert.deepEqual(tags(await c.ask(query('SELECT 1'))), ['SELECT 1']);
  });

  test(`${protocol}: a statement that fails is answered by its own error and opens no request`, async (scope) => {
    const { g, c } = await start(scope);
    const got = await c.ask(...messages('INSERT INTO orders VALUES (1)'));
    assert.deepEqual(codes(got), ['23505']);
    assert.equal(String.fromCharCode(got.at(-1).body[0]), 'I');
    assert.equal((await g.requests()).length, 0);
    const late = await c.ask(...messages('INSERT INTO late VALUES (1), (1)'));
    assert.deepEqual(codes(late), ['23505'], 'deferred constraints are checked before anybody is asked');
    assert.equal((await g.requests()).length, 0);
    assert.deepEqual(tags(await c.ask(query('SELECT 1'))), ['SELECT 1']);
  });

  test(`${protocol}: in the client's own transaction its COMMIT waits, with all that it changed`, async (scope) => {
    const { g, c } = await start(scope);
    await c.ask(...messages('BEGIN'));
    assert.deepEqual(tags(await c.ask(...messages(DELETE))), ['DELETE 3']);
    assert.deepEqual(tags(await c.ask(...messages('SAVEPOINT a'))), ['SAVEPOINT']);
    assert.deepEqual(tags(await c.ask(...messages("UPDATE orders SET status = 'x' WHERE id > 10"))), ['UPDATE 10']);
    assert.deepEqual(tags(await c.ask(...messages('SELECT count(*) FROM orders'))), ['SELECT 1']);
    const answer = c.ask(...messages('COMMIT'));
    const request = await g.pending();
    const shown = await g.show(request.id);
    assert.deepEqual(changed(shown)['public.orders'], [0, 10, 3]);
    assert.equal(shown.action.statements.length, 2);
    assert.equal(await pg.count(), 20);
    await g.approve(request.id);
    assert.deepEqual(tags(await answer), ['COMMIT']);
    assert.equal(await pg.count(), 17);
    await g.reaches(request.id, 'completed');
    await c.ask(...messages('BEGIN'));
    await c.ask(...messages('DELETE FROM orders'));
    const second = c.ask(...messages('COMMIT AND CHAIN'));
    await g.reject((await g.pending()).id, 'no');
    const got = await second;
    assert.deepEqual(codes(got), ['ZC002']);
    assert.equal(String.fromCharCode(got.at(-1).body[0]), 'I');
    assert.equal(await pg.count(), 17);
    await c.ask(...messages('BEGIN'));
    await c.ask(...messages('DELETE FROM orders'));
    assert.deepEqual(tags(await c.ask(...messages('ROLLBACK'))), ['ROLLBACK']);
    assert.deepEqual(tags(await c.ask(...messages('BEGIN'))), ['BEGIN']);
    assert.deepEqual(tags(await c.ask(...messages('COMMIT'))), ['COMMIT']);
    assert.equal((await g.requests('pending')).length, 0);
  });
}

test('no way around the COMMIT that is held', async (scope) => {
  const { g, c } = await start(scope);
  const out = [[query('COMMIT; SELECT 1')], [query('END')], [query('SELECT 1; COMMIT')], [query("PREPARE TRANSACTION 'x'")],
    [...run1('COMMIT'), sync()], [...run1('END'), ...run1('SELECT 1'), sync()], [query('COMMIT AND CHAIN')],
    [...run1('SELECT 1'), ...run1('COMMIT'), sync()], [query("SELECT E'\\'; COMMIT; --'; COMMIT")]];
  for (const messages of out) {
    await c.ask(query('BEGIN'));
    await c.ask(query('DELETE FROM orders'));
    const answer = c.ask(...messages);
    await g.reject((await g.pending()).id, 'no');
    assert.deepEqual(codes(await answer), ['ZC002']);
    assert.equal(await pg.count(), 20);
  }
  await c.ask(parse('plain', 'COMMIT'), parse('\xe9', 'COMMIT'), sync());
  for (const messages of [[query('EXECUTE plain')], [bind('', 'plain'), execute(''), sync()], [bind('', '\xe9'), execute(''), sync()]]) {
    await c.ask(query('BEGIN'));
    await c.ask(query('DELETE FROM orders'));
    const answer = c.ask(...messages);
    for (let over = false; !over;) {
      over = await Promise.race([answer.then(() => true), sleep(50).then(() => false)]);
      for (const r of over ? [] : await g.requests('pending')) await g.reject(r.id, 'no');
    }
    await c.ask(query('ROLLBACK'));
    assert.equal(await pg.count(), 20);
  }
  const from = c.messages.length;
  c.send(query('BEGIN'), query('DELETE FROM orders'), query('COMMIT'));
  await g.reject((await g.pending()).id, 'no');
  await c.until(() => types(c.messages.slice(from)).split('Z').length === 4, 'three answers');
  assert.equal(await pg.count(), 20);
  const batch = c.messages.length;
  c.send(...run1('DELETE FROM orders WHERE id = 1'), ...run1('DELETE FROM orders WHERE id = 2'), sync());
  const both = await g.pending();
  assert.equal((await g.show(both.id)).action.statements.length, 2);
  await g.approve(both.id);
  await c.next('Z', batch);
  assert.equal(await pg.count(), 18);
  const mixed = c.ask(...run1('DELETE FROM orders WHERE id = 3'), ...run1('COMMIT'), sync());
  assert.deepEqual(codes(await mixed), ['0A000']);
  assert.equal(await pg.count(), 18);
  assert.deepEqual((await c.ask(query('SELECT 1'))).map((m) => m.type).join(''), 'TDCZ');
});

test('it waits no longer than commit_within, and then is rolled back', async (scope) => {
  const { g, c } = await start(scope, { more: 'commit_within: 1s' });
  const begun = Date.now();
  const got = await c.ask(query(DELETE));
  assert.deepEqual(codes(got), ['ZC003']);
  assert.ok(Date.now() - begun < 8000);
  assert.equal(await pg.count(), 20);
  assert.equal(await pg.sql("SET lock_timeout = '1s'; DELETE FROM orders WHERE id = 20 RETURNING 1"), '1', 'its locks are gone');
  assert.equal((await g.requests('expired')).length, 1);
});

test('Ctrl-C, a client that goes, a worker and a server session that die: rolled back', async (scope) => {
  const { g, c } = await start(scope);
  const key = c.messages.find((m) => m.type === 'K').body;
  const answer = c.ask(query(DELETE));
  const first = await g.pending();
  const other = await RawClient.connect({ port: g.port, host: '127.0.0.1' });
  other.send(cancel(key.readUInt32BE(0), key.subarray(4)));
  const got = await answer;
  assert.deepEqual(codes(got), ['57014']);
  assert.equal(String.fromCharCode(got.at(-1).body[0]), 'I');
  assert.equal(await g.state(first.id), 'withdrawn');
  c.send(query(DELETE));
  await g.pending();
  c.destroy();
  await until(async () => (await g.requests('pending')).length === 0, 'its withdrawal');
  await until(async () => await pg.sql("SELECT count(*) FROM pg_stat_activity WHERE state LIKE 'idle in transaction%' AND datname = current_database()") === '0', 'the server session to end');
  const d = await RawClient.connect({ port: g.port, host: '127.0.0.1' });
  await d.startup({ user: 'app', database: pg.database });
  d.send(query(DELETE));
  await g.pending();
  await pg.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE state LIKE 'idle in transaction%' AND datname = current_database()");
  await d.ended();
  await until(async () => (await g.requests('pending')).length === 0, 'its withdrawal');
  const e = await RawClient.connect({ port: g.port, host: '127.0.0.1' });
  await e.startup({ user: 'app', database: pg.database });
  e.send(query(DELETE));
  await g.pending();
  process.kill(g.children().worker[0], 'SIGKILL');
  await e.ended();
  assert.equal(await pg.count(), 20);
});

test('an idle time-out of the session does not end it while it waits', async (scope) => {
  const { g, c } = await start(scope);
  await c.ask(query("SET idle_in_transaction_session_timeout = '300ms'"));
  const answer = c.ask(query(DELETE));
  const { id } = await g.pending();
  await sleep(900);
  await g.approve(id);
  assert.deepEqual(tags(await answer), ['DELETE 3']);
});

test('what cannot wait inside a transaction is held before it starts, and the request says so', async (scope) => {
  const { g, c } = await start(scope);
  for (const sql of ['CREATE INDEX CONCURRENTLY late_i ON late (id)', 'BEGIN; DELETE FROM orders; COMMIT', 'DO $$ BEGIN DELETE FROM orders; END $$']) {
    const answer = c.ask(query(sql));
    const { id } = await g.pending();
    assert.match(JSON.stringify(await g.show(id)), /start, because it cannot wait/);
    await g.reject(id, 'no');
    assert.deepEqual(codes(await answer), ['ZC002'], sql);
  }
  assert.equal(await pg.count(), 20);
});

test('an answer that is longer than the gateway keeps back is undone', async (scope) => {
  const { c } = await start(scope);
  const got = await c.ask(query("INSERT INTO log (what) SELECT repeat('x', 1000) FROM generate_series(1, 3000) RETURNING what"));
  assert.deepEqual(codes(got), ['54000']);
  assert.equal(types(got), 'EZ');
  assert.equal(await pg.count('log'), 0);
});

test('together with a read-only wall, with node-postgres, and counts that hold nothing of earlier transactions', async (scope) => {
  const { g } = await start(scope, { resource: 'walls: [read_only]' });
  const n = await nodeClient(scope, { host: '127.0.0.1', port: g.port, user: 'app', database: pg.database });
  for (let i = 4; i < 7; i++) {
    const answer = n.query('DELETE FROM orders WHERE id = $1 RETURNING id', [i]);
    const { id } = await g.pending();
    assert.deepEqual(changed(await g.show(id))['public.orders'], [0, 0, 1]);
    assert.equal((await g.show(id)).action.statements[0].parameters[0].value, String(i));
    await g.approve(id);
    assert.deepEqual((await answer).rows, [{ id: i }]);
    assert.equal((await n.query('SELECT count(*)::int AS n FROM orders')).rows[0].n, 23 - i);
  }
  await n.query('BEGIN');
  await n.query('UPDATE orders SET total = 0 WHERE id = $1', [10]);
  const commit = refused(n.query('COMMIT'));
  const { id } = await g.pending();
  assert.deepEqual(changed(await g.show(id)), { 'public.orders': [0, 1, 0] });
  await g.reject(id, 'no');
  assert.equal((await commit).code, 'ZC002');
  assert.equal(await pg.sql('SELECT total FROM orders WHERE id = 10'), '10');
});
