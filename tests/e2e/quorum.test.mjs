// Who approves: requirements together, stages, escalation, rejections, votes taken back, the two clocks.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { userInfo } from 'node:os';
import { nodeClient, refused } from '../lib/clients.mjs';
import { Gateway } from '../lib/gateway.mjs';
import { BINARY, run, tempDir, test, until } from '../lib/harness.mjs';
import { Postgres } from '../lib/postgres.mjs';

const pg = await Postgres.start();

// ana is who runs the tests (dba), bo is `daemon` (dba and leads), cleo is `games` (support).
const hold = (lines, more = '') => `guardrails:
  - name: order-changes
    on: sql
    when: "'orders' in sql.tables_written"
    then: hold
    approvals:
${lines.map((l) => `      - ${l}\n`).join('')}${more.split('\n').filter(Boolean).map((l) => `    ${l}\n`).join('')}`;

const both = async (scope, guardrails, { user = 'app', ...options } = {}) => {
  const g = await Gateway.start(scope, { upstream: pg.upstream, guardrails, ...options });
  const client = await nodeClient(scope, { host: '127.0.0.1', port: g.port, user, database: pg.database });
  const notices = [];
  client.on('notice', (n) => notices.push(`${n.message} ${n.detail ?? ''} ${n.hint ?? ''}`));
  return { g, client, notices };
};
const as = async (g, who, word, id, ...args) => g.cli([word, String(id), ...args], who === 'ana' ? {} : { as: { bo: 'daemon', cleo: 'games' }[who] });
const need = async (g, id) => (await g.cli(['show', String(id)])).out.match(/still needed\s+(.*)/)?.[1];

test('a later stage is asked when the one before is met, and every place says who that could be', async (scope) => {
  const { g, client, notices } = await both(scope, hold(['{ from: dba }', '{ from: [support, leads], after: approved }']));
  const held = client.query('DELETE FROM orders WHERE id = 101');
  const { id } = await g.pending();
  assert.match(await need(g, id), /1 of dba \(ana, bo\), then 1 of support or leads \(bo, cleo\)/);
  await until(() => notices.some((n) => /1 of dba \(ana, bo\), then 1 of support or leads \(bo, cleo\)/.test(n)), () => `the notice; there is ${notices}`);
  const early = await as(g, 'cleo', 'approve', id);
  assert.equal(early.status, 1);
  assert.match(early.err, /not asked yet/);
  const first = await as(g, 'ana', 'approve', id);
  assert.match(first.out, /still needed: 1 of support or leads \(bo, cleo\)/);
  const r = await g.show(id);
  assert.deepEqual(r.requirements.map((x) => [x.stage, x.asked, x.have, x.candidates]), [[0, true, 1, []], [1, true, 0, ['bo', 'cleo']]]);
  assert.equal((await as(g, 'cleo', 'approve', id)).status, 0);
  await held;
  assert.equal(await pg.timesRun('DELETE FROM orders WHERE id = 101'), 1);
  assert.deepEqual(g.records().find((x) => x.kind === 'asked').data.asked, ['support', 'leads']);
  assert.equal((await g.auditVerify()).status, 0);
});

test('one person meets one requirement: where it helps most, in whatever order they vote', async (scope) => {
  const { g, client } = await both(scope, hold(['{ from: dba }', '{ from: leads }']));
  const held = client.query('DELETE FROM orders WHERE id = 102');
  const { id } = await g.pending();
  assert.equal((await as(g, 'bo', 'approve', id)).status, 0);
  assert.equal(await g.state(id), 'pending');
  assert.equal((await as(g, 'ana', 'approve', id)).status, 0);
  await held;
});

test('when nobody answers in time further people are asked, and a restart of the broker keeps that', async (scope) => {
  const { g, client } = await both(scope, hold(['{ from: leads }', '{ from: support, after: 2s }']));
  const held = client.query('DELETE FROM orders WHERE id = 103');
  const { id } = await g.pending();
  assert.equal((await as(g, 'cleo', 'approve', id)).status, 1);
  assert.match(await need(g, id), /unless met by .* also support/);
  process.kill(g.children().broker[0], 'SIGKILL');
  await until(() => g.answers(), 'the broker to be back');
  await until(async () => (await g.show(id)).requirements[0].candidates.includes('cleo'), 'cleo to be asked');
  process.kill(g.children().broker[0], 'SIGKILL');
  await until(() => g.answers(), 'the broker to be back again');
  await until(async () => (await as(g, 'cleo', 'approve', id)).status === 0, 'cleo to approve');
  await held;
  assert.equal(await pg.timesRun('DELETE FROM orders WHERE id = 103'), 1);
});

test('a vote is taken back until the request is decided, and the log has both', async (scope) => {
  const { g, client } = await both(scope, hold(['{ from: dba, count: 2 }']));
  const held = client.query('DELETE FROM orders WHERE id = 104');
  const { id } = await g.pending();
  assert.match((await as(g, 'ana', 'retract', id)).err, /no vote/);
  assert.equal((await as(g, 'ana', 'approve', id)).status, 0);
  const back = await as(g, 'ana', 'retract', id, '--reason', 'wrong table');
  assert.equal(back.status, 0);
  assert.match(back.out, /taken back; still needed: 2 of dba \(ana, bo\)/);
  assert.equal((await as(g, 'bo', 'approve', id)).status, 0);
  assert.equal(await g.state(id), 'pending');
  assert.match((await g.cli(['show', String(id)])).out, /ana.*taken back/);
  assert.equal((await as(g, 'ana', 'approve', id)).status, 0);
  await held;
  assert.equal((await as(g, 'ana', 'retract', id)).status, 1);
  assert.ok(g.records().some((x) => x.kind === 'retracted' && x.data.by === 'ana' && x.data.reason === 'wrong table'));
});

test('so many rejections as the guardrail says end it', async (scope) => {
  const { g, client } = await both(scope, hold(['{ from: [dba, support] }'], 'rejects: 2'));
  const held = refused(client.query('DELETE FROM orders WHERE id = 105'));
  const { id } = await g.pending();
  assert.equal((await as(g, 'ana', 'reject', id, '--reason', 'no')).status, 0);
  assert.equal(await g.state(id), 'pending');
  assert.equal((await as(g, 'cleo', 'reject', id, '--reason', 'nor I')).status, 0);
  assert.match((await held).message, /rejected by cleo/);
});

test('the two clocks: undecided it expires, approved and not run it expires too', async (scope) => {
  const { g, client } = await both(scope, hold(['{ from: dba }'], 'decide_within: 1s\nrun_within: 1s\non_disconnect: keep'));
  const late = await refused(client.query('DELETE FROM orders WHERE id = 106'));
  assert.match(late.message, /expired/);
  const gone = client.query('DELETE FROM orders WHERE id = 107').catch(() => null);
  const { id } = await g.pending();
  client.connection.stream.destroy();
  await gone;
  await until(async () => g.records().some((x) => x.kind === 'detached' && x.data.request === id), 'the client to be gone');
  await g.approve(id);
  await g.reaches(id, 'expired');
  assert.match(g.records().find((x) => x.kind === 'expired' && x.data.request === id).data.reason, /not run in time/);
  assert.equal(await pg.timesRun('DELETE FROM orders WHERE id = 107'), 0);
});

test('the requester withdraws', async (scope) => {
  const { g, client } = await both(scope, hold(['{ from: [dba, support] }']), { user: 'ana' });
  const held = refused(client.query('DELETE FROM orders WHERE id = 108'));
  const { id } = await g.pending();
  assert.equal((await as(g, 'cleo', 'withdraw', id)).status, 1);
  assert.equal((await as(g, 'ana', 'withdraw', id)).status, 0);
  assert.match((await held).message, /withdrawn/);
});

test('the owner of a resource approves: by an expression over its labels', async (scope) => {
  const { g, client } = await both(scope, hold(["{ from: \"resource.labels.environment == 'production' ? 'support' : 'dba'\" }"]));
  const held = client.query('DELETE FROM orders WHERE id = 109');
  const { id } = await g.pending();
  assert.match(await need(g, id), /support \(cleo\)/);
  assert.equal((await as(g, 'ana', 'approve', id)).status, 1);
  assert.equal((await as(g, 'cleo', 'approve', id)).status, 0);
  await held;
});

test('where the expression yields nobody, the requester is told at once', async (scope) => {
  const { client } = await both(scope, hold(['{ from: resource.labels.environment }']));
  const e = await refused(client.query('DELETE FROM orders WHERE id = 110'));
  assert.match(e.detail, /needs 1 of production, and nobody besides the requester is that/);
});

test('a second account of a person, and an agent that acts for one, approve nothing for themselves', async (scope) => {
  const g = await Gateway.start(scope, { upstream: pg.upstream, guardrails: hold(['{ from: [dba, support] }']) });
  const text = (await import('node:fs')).readFileSync(g.config, 'utf8').replace('ana: {', 'ana: { accounts: [app, ana_admin],');
  writeFileSync(g.config, text);
  g.process.kill('SIGHUP');
  await until(() => g.records().some((x) => x.kind === 'policy'), 'the new policy');
  const client = await nodeClient(scope, { host: '127.0.0.1', port: g.port, user: 'app', database: pg.database });
  const held = refused(client.query('DELETE FROM orders WHERE id = 111'));
  const { id } = await g.pending();
  const own = await as(g, 'ana', 'approve', id);
  assert.equal(own.status, 1);
  assert.match(own.err, /own request/);
  assert.deepEqual((await g.show(id)).requirements[0].candidates, ['bo', 'cleo']);
  assert.equal((await as(g, 'bo', 'reject', id, '--reason', 'done')).status, 0);
  await held;
});

test('what cannot be is found when the file is loaded, with its place and what to do', async (scope) => {
  const dir = tempDir(scope);
  const check = async (approvals) => {
    writeFileSync(join(dir, 'c.yaml'), `version: 1
resources: [{ name: shop, type: postgres, listen: '127.0.0.1:1', upstream: 'postgresql://x', labels: { owner: dba } }]
people:
  ana: { groups: [dba], os_users: [${userInfo().username}] }
  bo: { groups: [dba, leads] }
guardrails:
  - name: g
    on: sql
    then: hold
    approvals:
${approvals.map((l) => `      - ${l}\n`).join('')}`);
    const r = await run(BINARY, ['check', '-c', join(dir, 'c.yaml')]);
    return r.out + r.err;
  };
  assert.match(await check(['{ from: dba, count: 3 }']), /c\.yaml:11:\d+: error: needs 3 approvals, but only 2 people can give one/);
  assert.match(await check(['{ from: dba, count: 2 }', '{ from: leads }']), /11:\d+: error: these approvals need 3 distinct people/);
  assert.match(await check(['{ from: leads }']), /warning: nobody could approve what `bo` requests/);
  assert.match(await check(['{ from: dba, after: approved }']), /11:\d+: error: the first approval has nothing to wait for/);
  assert.match(await check(['{ from: dba }', '{ from: leads, after: 10m, count: 2 }']), /12:\d+: error: an entry that waits for a time adds people/);
  assert.match(await check(['{ from: dba }', '{ from: leads, after: soon }']), /12:\d+: error: `soon` is neither `approved` nor a duration/);
  assert.match(await check(['{ from: dba }', '{ from: leads, after: 2h }']), /12:\d+: warning: `leads` would be asked when the time to decide is over/);
  assert.match(await check(['{ from: resource.labels }']), /11:\d+: error: this yields neither a text nor a list of texts/);
  assert.match(await check(['{ from: resource.labelz.owner }']), /11:\d+: error: /);
  assert.match(await check(['{ from: context.application }']), /11:\d+: error: the requester sets `context.application`/);
  assert.match(await check(['{ from: dbaa }']), /error: no person or group is called `dbaa`[^]*did you mean `dba`/);
});

test('somebody decides in the place of who is away: listed, recorded, bounded, revocable', async (scope) => {
  const { g, client } = await both(scope, hold(['{ from: [dba, leads], count: 2 }']));
  const held = client.query('DELETE FROM orders WHERE id = 112');
  const { id } = await g.pending();
  const delegate = (...args) => g.cli(['delegate', ...args]);
  assert.match((await delegate('--to', 'nobody', '--until', '1h')).err, /nobody named "nobody"/);
  assert.match((await delegate('--to', 'ana', '--until', '1h')).err, /for themselves/);
  assert.equal((await delegate('--to', 'cleo', '--until', 'soon')).status, 2);
  assert.equal((await delegate('--to', 'cleo', '--until', '2001-01-01')).status, 2);
  assert.equal((await delegate('--to', 'cleo', '--until', '2h', '--reason', 'holiday')).status, 0);
  assert.match((await delegate('--to', 'bo', '--until', '2h')).err, /cleo stands in for you already/);
  assert.match((await delegate()).out, /ana +cleo +20.*holiday/);
  assert.match(await need(g, id), /\(ana, bo, cleo\)/);
  assert.equal((await as(g, 'cleo', 'approve', id)).status, 0);
  // One right, two people: ana's own word takes the place of cleo's.
  assert.equal((await as(g, 'ana', 'approve', id)).status, 0);
  assert.equal(await g.state(id), 'pending');
  assert.equal((await as(g, 'ana', 'retract', id)).status, 0);
  process.kill(g.children().broker[0], 'SIGKILL');
  await until(() => g.answers(), 'the broker to be back');
  await until(async () => (await as(g, 'bo', 'approve', id)).status === 0, 'bo to approve');
  await held;
  assert.match((await g.cli(['show', String(id)])).out, /cleo.*standing in for ana/);
  assert.deepEqual(g.records().filter((x) => /^delegat/.test(x.kind)).map((x) => [x.kind, x.data.person, x.data.deputy]), [['delegated', 'ana', 'cleo']]);

  const second = refused(client.query('DELETE FROM orders WHERE id = 113'));
  const next = await g.pending();
  assert.equal((await as(g, 'cleo', 'approve', next.id)).status, 0);
  assert.equal((await delegate('--revoke', '1')).status, 0);
  assert.equal((await delegate('--revoke', '1')).status, 1);
  assert.equal((await as(g, 'bo', 'approve', next.id)).status, 0);
  assert.equal(await g.state(next.id), 'pending', 'a vote by a delegation that was revoked counted');
  await g.reject(next.id, 'done');
  await second;
  assert.equal((await g.auditVerify()).status, 0);
});

test('nobody approves the requests of who they stand in for', async (scope) => {
  const { g, client } = await both(scope, hold(['{ from: dba }']), { user: 'ana' });
  assert.equal((await g.cli(['delegate', '--to', 'cleo', '--until', '1h'])).status, 0);
  const held = refused(client.query('DELETE FROM orders WHERE id = 114'));
  const { id } = await g.pending();
  const r = await as(g, 'cleo', 'approve', id);
  assert.equal(r.status, 1);
  assert.match(r.err, /not among those|no such request|not found|there is no request/);
  assert.equal((await as(g, 'bo', 'reject', id, '--reason', 'x')).status, 0);
  await held;
});
