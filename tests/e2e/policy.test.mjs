// Configuration: checked before it counts, changed while running, never silently wrong.
import assert from 'node:assert/strict';
import { appendFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { nodeClient, refused } from '../lib/clients.mjs';
import { GUARDRAILS, Gateway } from '../lib/gateway.mjs';
import { BINARY, run, tempDir, test, until } from '../lib/harness.mjs';
import { Postgres } from '../lib/postgres.mjs';

const pg = await Postgres.start();
const connect = (scope, g) => nodeClient(scope, { host: '127.0.0.1', port: g.port, user: 'app', database: pg.database });
const DENY_NOTES = GUARDRAILS + `  - name: notes-are-closed
    on: sql
    when: "'notes' in sql.tables_written"
    then: deny
    message: "no more notes"
`;

test('check accepts a good file and names line, column and a hint for a bad one', async (scope) => {
  const g = await Gateway.start(scope, { upstream: pg.upstream });
  assert.equal((await g.cli(['check', '-c', g.config])).status, 0);
  const bad = join(tempDir(scope), 'bad.yaml');
  const lines = ['version: 1', 'resources:', '  - name: shop', '    type: postgres', '    listen: 127.0.0.1:1', '    upstream: postgresql://db:5432',
    'guardrails:', '  - name: wrong', '    on: sql', '    when: sql.wites', '    then: deny'];
  writeFileSync(bad, `${lines.join('\n')}\n`);
  const r = await run(BINARY, ['check', '-c', bad]);
  assert.equal(r.status, 1);
  assert.match(r.err + r.out, /bad\.yaml:10:\d+/);
  assert.match(r.err + r.out, /writes/);
});

test('serve does not start with a file that check refuses', async (scope) => {
  const g = await Gateway.start(scope, { upstream: pg.upstream, guardrails: GUARDRAILS.replace('in sql.tables_written', 'on sql.tables_written'), expectFailure: true });
  await g.exited;
  assert.equal(g.status, 2);
  assert.match(g.log, /countersign\.yaml:\d+:\d+/);
});

test('SIGHUP takes a good file: sessions that are open obey it from the next statement on', async (scope) => {
  const g = await Gateway.start(scope, { upstream: pg.upstream, workers: 2 });
  const clients = await Promise.all([1, 2, 3, 4].map(() => connect(scope, g)));
  await Promise.all(clients.map((c) => c.query("INSERT INTO notes (body) VALUES ('open')")));
  g.writeConfig({ guardrails: DENY_NOTES });
  g.process.kill('SIGHUP');
  for (const c of clients)
    await until(async () => (await c.query("INSERT INTO notes (body) VALUES ('x')").then(() => 0, (e) => e.code)) === 'ZC001', 'the new guardrail');
});

test('SIGHUP with a bad file keeps the old guardrails and says what is wrong', async (scope) => {
  const g = await Gateway.start(scope, { upstream: pg.upstream });
  const client = await connect(scope, g);
  appendFileSync(g.config, '  - name: broken\n    on: sql\n    when: nonsense(\n    then: allow\n');
  g.process.kill('SIGHUP');
  await until(() => /countersign\.yaml:\d+:\d+/.test(g.log), () => `the complaint; it said: ${g.log}`);
  assert.equal((await refused(client.query('SELECT * FROM secrets'))).code, 'ZC001');
  assert.equal((await client.query('SELECT 1 AS x')).rows[0].x, 1);
});

test('a request held before a reload is decided as it was submitted', async (scope) => {
  const g = await Gateway.start(scope, { upstream: pg.upstream });
  const client = await connect(scope, g);
  const held = client.query("UPDATE orders SET status = 'reload' WHERE id = 1");
  const { id } = await g.pending();
  g.writeConfig({ guardrails: DENY_NOTES });
  g.process.kill('SIGHUP');
  const other = await connect(scope, g);
  await until(async () => (await other.query("INSERT INTO notes (body) VALUES ('x')").then(() => 0, (e) => e.code)) === 'ZC001', 'the new guardrail');
  await g.approve(id);
  assert.equal((await held).rowCount, 1);
});

test('what newer guardrails deny does not run, although it was approved after they came', async (scope) => {
  const g = await Gateway.start(scope, { upstream: pg.upstream, workers: 1 });
  const client = await connect(scope, g);
  const held = refused(client.query("UPDATE orders SET status = 'too late' WHERE id = 1"));
  const { id } = await g.pending();
  g.writeConfig({ guardrails: DENY_NOTES.replace("'notes' in", "'orders' in") });
  g.process.kill('SIGHUP');
  const other = await connect(scope, g);
  await until(async () => (await other.query("DELETE FROM orders WHERE id = 424242").then(() => 0, (e) => e.code)) === 'ZC001', 'the new guardrail');
  await g.approve(id);
  const error = await held;
  assert.equal(error.code, 'ZC001');
  assert.match(error.message, /no more notes/);
  await until(async () => (await g.show(id)).state === 'withdrawn', 'the request to end');
  assert.equal(await pg.sql("SELECT count(*) FROM orders WHERE status = 'too late'"), '0');
  assert.equal((await client.query('SELECT 1 AS x')).rows[0].x, 1);
});

test('a guardrail in mode observe records and does not hold', async (scope) => {
  const g = await Gateway.start(scope, { upstream: pg.upstream, guardrails: GUARDRAILS.replace('    then: hold\n', '    then: hold\n    mode: observe\n') });
  const client = await connect(scope, g);
  assert.equal((await client.query("UPDATE orders SET status = 'observed' WHERE id = 3")).rowCount, 1);
  await until(() => g.auditText().includes('order-changes'), 'the record');
});

test('a statement that PostgreSQL could read and we cannot is held by a guardrail on parse failures', async (scope) => {
  const g = await Gateway.start(scope, { upstream: pg.upstream });
  const client = await connect(scope, g);
  const held = refused(client.query('DELETE FORM orders'));
  await g.reject((await g.pending()).id, 'what is this');
  assert.equal((await held).code, 'ZC002');
});
