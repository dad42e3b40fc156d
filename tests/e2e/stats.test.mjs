// How fast and how often people approve.
import assert from 'node:assert/strict';
import { nodeClient } from '../lib/clients.mjs';
import { Gateway } from '../lib/gateway.mjs';
import { sleep, test } from '../lib/harness.mjs';
import { Postgres } from '../lib/postgres.mjs';

const pg = await Postgres.start();

test('approvals are counted by approver and by guardrail, and those within five seconds are told', async (scope) => {
  const g = await Gateway.start(scope, { upstream: pg.upstream });
  const client = await nodeClient(scope, { host: '127.0.0.1', port: g.port, user: 'app', database: pg.database });
  const ask = async (word, wait, as) => {
    const held = client.query('DELETE FROM orders WHERE id = 4001').then(() => 0, () => 0);
    const { id } = await g.pending();
    await sleep(wait);
    const r = await g.cli(word === 'approve' ? ['approve', String(id)] : ['reject', String(id), '--reason', 'no'], as ? { as } : {});
    assert.equal(r.status, 0, r.err);
    await held;
  };
  assert.match((await g.cli(['stats'])).out, /nobody has voted/);
  await ask('approve', 0);
  await ask('approve', 5100);
  await ask('reject', 0);
  await ask('approve', 0, 'daemon');
  const r = await g.cli(['stats', '--json']);
  assert.equal(r.status, 0, r.err);
  const { approvers, guardrails } = JSON.parse(r.out);
  const { median_seconds: median, ...ana } = approvers[0];
  assert.deepEqual(ana, { name: 'ana', approvals: 2, rejections: 1, under_5s: 1, share_under_5s: 0.5 });
  assert.ok(median >= 5 && median < 15, String(median));
  assert.deepEqual([approvers[1].name, approvers[1].approvals, approvers[1].share_under_5s], ['bo', 1, 1]);
  assert.deepEqual([guardrails[0].name, guardrails[0].approvals, guardrails[0].under_5s], ['order-changes', 3, 2]);
  assert.match((await g.cli(['stats'])).out, /approver +ana +2 +1 +\S+s +50%/);
  assert.equal((await g.cli(['stats'], { as: 'games' })).status, 1);
  assert.equal((await g.cli(['stats', '--days', '0'])).status, 2);
});
