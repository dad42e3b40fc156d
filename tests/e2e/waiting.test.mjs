// The ways to wait: holding on, coming back, two sessions with the same wish.
import assert from 'node:assert/strict';
import { Psql, nodeClient, refused } from '../lib/clients.mjs';
import { GUARDRAILS, Gateway } from '../lib/gateway.mjs';
import { test, until } from '../lib/harness.mjs';
import { Postgres } from '../lib/postgres.mjs';

const pg = await Postgres.start();
const RETURN = GUARDRAILS.replace('    decide_within: 5m\n', '    decide_within: 5m\n    wait: return\n');
const KEEP = GUARDRAILS.replace('    decide_within: 5m\n', '    decide_within: 5m\n    on_disconnect: keep\n');
const gateway = (scope, guardrails, more = {}) => Gateway.start(scope, { upstream: pg.upstream, guardrails, ...more });
const connect = (scope, g, user = 'app') => nodeClient(scope, { host: '127.0.0.1', port: g.port, user, database: pg.database });

test('wait: return tells the number at once, says that it still waits, and runs once after approval', async (scope) => {
  const g = await gateway(scope, RETURN, { workers: 2 });
  const client = await connect(scope, g);
  const text = 'DELETE FROM orders WHERE id = 1';
  const first = await refused(client.query(text));
  assert.equal(first.code, 'ZC005');
  const { id } = await g.pending();
  assert.match(first.message, new RegExp(`request ${id} waits for approval`));
  assert.match(first.detail, /1 of dba/);
  assert.match(first.hint, /again after approval/);
  assert.equal((await client.query('SELECT 1 AS one')).rows[0].one, 1);
  assert.equal((await refused(client.query(text))).code, 'ZC005');
  const elsewhere = await connect(scope, g);
  assert.equal((await refused(elsewhere.query(text))).code, 'ZC005');
  assert.equal((await g.requests()).length, 1);
  await g.approve(id);
  assert.equal(await pg.timesRun(text), 0);
  const both = await Promise.allSettled([client.query(text), elsewhere.query(text)]);
  assert.deepEqual(both.map((r) => r.status).sort(), ['fulfilled', 'rejected']);
  assert.equal(await pg.timesRun(text), 1);
  await g.reaches(id, 'completed');
});

test('wait: return on psql: an ordinary error with its SQLSTATE, number and hint; the session goes on', async (scope) => {
  const g = await gateway(scope, RETURN);
  const psql = await Psql.start(scope, { host: '127.0.0.1', port: g.port, user: 'app', dbname: pg.database });
  const shown = await psql.run('DELETE FROM orders WHERE id = 2;');
  assert.match(shown, /ERROR: +ZC005: request \d+ waits for approval/);
  assert.match(shown, /HINT: .*same statement again after approval/s);
  const { id } = await g.pending();
  await g.approve(id);
  assert.match(await psql.run('DELETE FROM orders WHERE id = 2;'), /DELETE \d/);
});

test('a rejection is told once to whoever comes back; sent once more it is a new request', async (scope) => {
  const g = await gateway(scope, RETURN);
  const client = await connect(scope, g);
  const text = 'DELETE FROM orders WHERE id = 3';
  await refused(client.query(text));
  const { id } = await g.pending();
  await g.reject(id, 'not on a Friday');
  const told = await refused(client.query(text));
  assert.equal(told.code, 'ZC002');
  assert.match(told.message, new RegExp(`request ${id} `));
  assert.match(told.detail, /not on a Friday/);
  assert.equal((await g.requests('pending')).length, 0);
  assert.equal((await refused(client.query(text))).code, 'ZC005');
  assert.notEqual((await g.pending()).id, id);
  assert.equal(await pg.timesRun(text), 0);
});

test('an expired request is told once to whoever comes back', async (scope) => {
  const g = await gateway(scope, RETURN.replace('decide_within: 5m', 'decide_within: 1s'));
  const client = await connect(scope, g);
  const text = 'DELETE FROM orders WHERE id = 31';
  await refused(client.query(text));
  const { id } = await g.pending();
  await g.reaches(id, 'expired');
  const told = await refused(client.query(text));
  assert.equal(told.code, 'ZC003');
  assert.match(told.message, new RegExp(`request ${id} `));
  assert.equal((await refused(client.query(text))).code, 'ZC005');
});

test('an approval waits over a restart of the gateway, and is used once', async (scope) => {
  const g = await gateway(scope, RETURN);
  const text = 'DELETE FROM orders WHERE id = 4';
  await refused((await connect(scope, g)).query(text));
  const { id } = await g.pending();
  await g.stop();
  g.status = undefined;
  g.launch();
  await g.listening();
  await g.approve(id);
  const client = await connect(scope, g);
  assert.equal((await client.query(text)).command, 'DELETE');
  assert.equal((await refused(client.query(text))).code, 'ZC005');
  assert.equal(await pg.timesRun(text), 1);
});

test('on_disconnect: keep: who comes back attaches, and is told a rejection once', async (scope) => {
  const g = await gateway(scope, KEEP);
  const text = 'DELETE FROM orders WHERE id = 5';
  const gone = await connect(scope, g);
  gone.query(text).catch(() => {});
  const { id } = await g.pending();
  gone.connection.stream.destroy();
  await until(async () => g.auditText().includes('"detached"'), 'the request to be kept');
  const back = await connect(scope, g);
  const held = back.query(text);
  await until(async () => g.auditText().includes('"attached"'), 'the client to attach');
  assert.equal((await g.requests()).length, 1);
  await g.approve(id);
  assert.equal((await held).command, 'DELETE');
  const other = 'DELETE FROM orders WHERE id = 6';
  const again = await connect(scope, g);
  again.query(other).catch(() => {});
  const second = await g.pending();
  again.connection.stream.destroy();
  await until(async () => g.auditText().split('"detached"').length === 3, 'the second request to be kept');
  await g.reject(second.id, 'no');
  assert.equal((await refused(back.query(other))).code, 'ZC002');
  assert.equal((await g.requests('pending')).length, 0);
});

test('the same from two sessions is one request; one approval is one run, and the other is told', async (scope) => {
  const g = await gateway(scope, GUARDRAILS, { workers: 2 });
  const text = 'DELETE FROM orders WHERE id = 7';
  const clients = await Promise.all([1, 2, 3].map(() => connect(scope, g)));
  const asked = clients.map((c) => c.query(text).then(() => 'ran', (e) => `${e.code} ${e.message}`));
  await until(() => clients.every((c) => c.notices.length > 0), 'all to be told that they wait');
  const { id } = await g.pending(1);
  for (const c of clients) assert.match(c.notices[0].message, new RegExp(`request ${id}:`));
  await g.approve(id);
  const said = (await Promise.all(asked)).sort();
  assert.equal(said.filter((s) => s === 'ran').length, 1);
  assert.match(said[0], /^57014 request \d+ ran in another session$/);
  assert.equal(await pg.timesRun(text), 1);
});

test('who waits along takes over when the first goes away; all are told a rejection', async (scope) => {
  const g = await gateway(scope, GUARDRAILS);
  const text = 'DELETE FROM orders WHERE id = 8';
  const [a, b, c] = [await connect(scope, g), await connect(scope, g), await connect(scope, g)];
  a.query(text).catch(() => {});
  const { id } = await g.pending();
  const second = b.query(text);
  await until(() => b.notices.length > 0, 'the second to wait');
  const third = refused(c.query(text));
  await until(() => c.notices.length > 0, 'the third to wait');
  a.connection.stream.destroy();
  await until(async () => g.auditText().includes('"attached"'), 'the second to take over');
  assert.equal(await g.state(id), 'pending');
  b.connection.stream.destroy();
  second.catch(() => {});
  await until(async () => g.auditText().split('"attached"').length === 3, 'the third to take over');
  await g.reject(id, 'enough');
  assert.equal((await third).code, 'ZC002');
  assert.equal(await pg.timesRun(text), 0);
});

test('the limit of open requests is the configuration\'s, and says what to do', async (scope) => {
  const g = await gateway(scope, RETURN, { top: 'open_requests: 2' });
  const client = await connect(scope, g);
  for (const id of [1, 2]) assert.equal((await refused(client.query(`DELETE FROM orders WHERE id = 9${id}`))).code, 'ZC005');
  const more = await refused(client.query('DELETE FROM orders WHERE id = 93'));
  assert.equal(more.code, '53400');
  assert.match(more.detail, /^2 requests of this account wait already/);
  assert.match(more.hint, /countersign withdraw/);
  const other = await connect(scope, g, 'postgres');
  assert.equal((await refused(other.query('DELETE FROM orders WHERE id = 93'))).code, 'ZC005');
});
