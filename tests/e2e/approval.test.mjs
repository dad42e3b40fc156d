// Who may decide, on what, and what they are shown.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { nodeClient, refused } from '../lib/clients.mjs';
import { GUARDRAILS, Gateway } from '../lib/gateway.mjs';
import { BINARY, IS_ROOT, test, until } from '../lib/harness.mjs';
import { Postgres } from '../lib/postgres.mjs';

const pg = await Postgres.start();
const both = async (scope, { user = 'app', ...options } = {}) => {
  const g = await Gateway.start(scope, { upstream: pg.upstream, ...options });
  return { g, client: await nodeClient(scope, { host: '127.0.0.1', port: g.port, user, database: pg.database }) };
};

const newToken = async (g, person) => {
  const r = await g.cli(['user', 'token', person]);
  assert.equal(r.status, 0, r.err);
  return r.out.trim().split(/\s+/).at(-1);
};

test('nobody approves their own request', async (scope) => {
  const { g, client } = await both(scope, { user: 'ana' });
  const held = refused(client.query('DELETE FROM orders WHERE id = 1'));
  const { id } = await g.pending();
  const r = await g.cli(['approve', String(id)]);
  assert.equal(r.status, 1);
  assert.match(r.err, /own/i);
  assert.equal(await g.state(id), 'pending');
  await g.cli(['reject', String(id), '--reason', 'x']);
  await client.end();
  await held;
  assert.equal(await pg.timesRun('DELETE FROM orders WHERE id = 1'), 0);
});

test('who is not among the approvers decides nothing', async (scope) => {
  assert.ok(IS_ROOT, 'this test needs root to act as another user of the machine');
  const { g, client } = await both(scope);
  const held = refused(client.query('DELETE FROM orders WHERE id = 2'));
  const { id } = await g.pending();
  assert.equal((await g.cli(['approve', String(id)], { as: 'games' })).status, 1);
  assert.equal((await g.cli(['reject', String(id), '--reason', 'x'], { as: 'games' })).status, 1);
  assert.equal((await g.cli(['approve', String(id)], { as: 'nobody' })).status, 1);
  assert.equal(await g.state(id), 'pending');
  await g.reject(id, 'done');
  await held;
});

test('two approvals are two people: one person counts once', async (scope) => {
  const { g, client } = await both(scope, { guardrails: GUARDRAILS.replace('{ from: [dba], count: 1 }', '{ from: [dba], count: 2 }') });
  const held = client.query('DELETE FROM orders WHERE id = 3');
  const { id } = await g.pending();
  await g.approve(id);
  assert.equal(await g.state(id), 'pending');
  assert.equal((await g.cli(['approve', String(id)])).status, 1);
  assert.equal(await g.state(id), 'pending');
  assert.equal(await pg.timesRun('DELETE FROM orders WHERE id = 3'), 0);
  assert.equal((await g.cli(['approve', String(id)], { as: 'daemon' })).status, 0);
  assert.equal((await held).rowCount, 1);
});

test('one rejection is enough, whoever approved before', async (scope) => {
  const { g, client } = await both(scope, { guardrails: GUARDRAILS.replace('{ from: [dba], count: 1 }', '{ from: [dba], count: 2 }') });
  const held = refused(client.query('DELETE FROM orders WHERE id = 4'));
  const { id } = await g.pending();
  await g.approve(id);
  assert.equal((await g.cli(['reject', String(id), '--reason', 'on second thought'], { as: 'daemon' })).status, 0);
  assert.match((await held).detail, /on second thought/);
});

test('a rejection without a reason is not taken', async (scope) => {
  const { g, client } = await both(scope);
  const held = refused(client.query('DELETE FROM orders WHERE id = 4'));
  const { id } = await g.pending();
  assert.equal((await g.cli(['reject', String(id)])).status, 2);
  assert.equal(await g.state(id), 'pending');
  await g.reject(id, 'said');
  await held;
});

test('what is decided stays decided', async (scope) => {
  const { g, client } = await both(scope);
  const held = refused(client.query('DELETE FROM orders WHERE id = 5'));
  const { id } = await g.pending();
  await g.reject(id, 'final');
  await held;
  assert.equal((await g.cli(['approve', String(id)])).status, 1);
  assert.equal((await g.cli(['reject', String(id), '--reason', 'again'])).status, 1);
  assert.equal(await g.state(id), 'rejected');
});

test('a request that does not exist is said to be so', async (scope) => {
  const { g } = await both(scope);
  for (const args of [['show', '999'], ['approve', '999'], ['reject', '999', '--reason', 'x']])
    assert.equal((await g.cli(args)).status, 1, args.join(' '));
  assert.equal((await g.cli(['show', 'abc'])).status, 2);
});

test('show prints the complete action, never cut, and every control character visibly', async (scope) => {
  const { g, client } = await both(scope);
  const text = `DELETE FROM orders WHERE id = -1 /* ${'x'.repeat(300000)} \x1b[2K\u202e end-of-it */`;
  const held = refused(client.query(text));
  const { id } = await g.pending();
  const shown = await g.cli(['show', String(id)]);
  assert.equal(shown.status, 0);
  assert.ok(shown.out.includes('x'.repeat(300000)) || shown.out.replace(/\n\s*/g, '').includes('x'.repeat(300000)));
  assert.match(shown.out, /end-of-it/);
  assert.ok(!shown.out.includes('\x1b'), 'an escape character reached the terminal');
  assert.ok(!shown.out.includes('\u202e'), 'a bidirectional override reached the terminal');
  assert.match(shown.out, /app/);
  assert.match(shown.out, /shop/);
  assert.match(shown.out, /order-changes/);
  await g.reject(id, 'x');
  await held;
});

test('requests lists what waits and what was, filtered by state, for people and as JSON', async (scope) => {
  const { g, client } = await both(scope);
  const held = refused(client.query('DELETE FROM orders WHERE id = 6'));
  const { id } = await g.pending();
  const listed = await g.cli(['requests']);
  const asJson = JSON.parse((await g.cli(['requests', '--state', 'pending', '--json'])).out);
  assert.ok(JSON.stringify(asJson).includes(`"id":${id},`));
  assert.match(listed.out, new RegExp(`\\b${id}\\b`));
  assert.match(listed.out, /app/);
  await g.reject(id, 'x');
  await held;
  assert.equal((await g.requests('pending')).length, 0);
  const [r] = await g.requests('rejected');
  assert.equal(Number(r.id), Number(id));
  assert.equal(r.state, 'rejected');
});

test('watch shows a new request and its decision as they happen', async (scope) => {
  const { g, client } = await both(scope);
  const watch = spawn(BINARY, ['watch'], { env: { ...process.env, COUNTERSIGN_SOCKET: g.socket } });
  scope.defer(() => watch.kill('SIGKILL'));
  let out = '';
  watch.stdout.on('data', (d) => { out += d; });
  watch.stderr.on('data', (d) => { out += d; });
  await new Promise((done) => { setTimeout(done, 300); });
  const held = refused(client.query('DELETE FROM orders WHERE id = 7'));
  const { id } = await g.pending();
  await until(() => new RegExp(`\\b${id}\\b`).test(out), () => `request ${id} in watch; it shows: ${out}`);
  await g.reject(id, 'seen');
  await held;
  await until(() => /reject/.test(out), () => `the rejection in watch; it shows: ${out}`);
});

test('over HTTP a token is the person: the same listing, the same vote, the same refusals', async (scope) => {
  const { g, client } = await both(scope, { api: true });
  const [ana, cleo] = [await newToken(g, 'ana'), await newToken(g, 'cleo')];
  const held = client.query("UPDATE orders SET status = 'http' WHERE id = 8");
  const { id } = await g.pending();
  assert.match((await g.cli(['requests'], { token: ana })).out, new RegExp(`\\b${id}\\b`));
  assert.equal((await g.cli(['approve', String(id)], { token: cleo })).status, 1);
  assert.equal((await g.cli(['approve', String(id)], { token: `${ana}x` })).status, 1);
  assert.equal((await g.http('GET', '/v1/requests', { token: '' })).status, 401);
  assert.equal(await g.state(id), 'pending');
  assert.equal((await g.cli(['approve', String(id), '--reason', 'by token'], { token: ana })).status, 0);
  assert.equal((await held).rowCount, 1);
});

test('a vote for another digest than the request has is refused, and so is one without', async (scope) => {
  const { g, client } = await both(scope, { api: true });
  const ana = await newToken(g, 'ana');
  const held = refused(client.query('DELETE FROM orders WHERE id = 9'));
  const { id } = await g.pending();
  const { digest } = await g.show(id);
  assert.match(digest, /^[0-9a-f]{64}$/);
  const other = (digest[0] === '0' ? '1' : '0') + digest.slice(1);
  const decide = (word, body) => g.http('POST', `/v1/requests/${id}/${word}`, { token: ana, body });
  assert.equal((await decide('approve', { digest: other })).status, 409);
  assert.equal((await decide('approve', {})).status, 422);
  assert.equal((await decide('approve', { digest: '' })).status, 422);
  assert.equal(await g.state(id), 'pending');
  assert.equal((await decide('reject', { digest, reason: 'right digest' })).status, 200);
  assert.match((await held).detail, /right digest/);
});

test('a gateway that cannot be reached is exit status 3', async (scope) => {
  const { g } = await both(scope);
  await g.stop();
  assert.equal((await g.cli(['requests'])).status, 3);
  assert.equal((await g.cli(['approve', '1'])).status, 3);
});
