// Many processes vote against one store at once, while others hold its lock: nothing is lost or doubled.
import assert from 'node:assert/strict';
import { nodeClient } from '../lib/clients.mjs';
import { GUARDRAILS, Gateway } from '../lib/gateway.mjs';
import { run, test } from '../lib/harness.mjs';
import { Postgres } from '../lib/postgres.mjs';

const pg = await Postgres.start();
const PEOPLE = Array.from({ length: 8 }, (_, i) => `v${i}`);

// A stranger to the gateway that takes the write lock of the store again and again (a backup does).
const LOCKER = `import sqlite3, sys, time
db = sqlite3.connect(sys.argv[1], timeout=5, isolation_level=None)
for _ in range(30):
    db.execute('BEGIN IMMEDIATE'); time.sleep(0.03); db.execute('ROLLBACK'); time.sleep(0.03)
`;

test('concurrent votes from many processes never lose or double one', async (scope) => {
  const g = await Gateway.start(scope, {
    upstream: pg.upstream, api: true, workers: 2,
    guardrails: GUARDRAILS.replace('{ from: [dba], count: 1 }', '{ from: [voters], count: 8 }')
      .replace('guardrails:', PEOPLE.map((p) => `  ${p}: { groups: [voters] }\n`).join('') + '\nguardrails:'),
  });
  const client = await nodeClient(scope, { host: '127.0.0.1', port: g.port, user: 'app', database: pg.database });
  const text = 'DELETE FROM orders WHERE id = 3001';
  const held = client.query(text);
  const { id } = await g.pending();
  const tokens = {};
  for (const p of PEOPLE) tokens[p] = (await g.cli(['user', 'token', p])).out.trim().split(/\s+/).at(-1);
  const locker = run('/usr/bin/python3', ['-c', LOCKER, `${g.dir}/countersign.db`]);
  // Everybody from three processes at once; a locked store is said, and tried again as a person would.
  const accepted = Object.fromEntries(PEOPLE.map((p) => [p, 0]));
  const vote = async (person) => {
    for (let i = 0; i < 20; i++) {
      const r = await g.cli(['approve', String(id), '--yes'], { token: tokens[person] });
      if (r.status === 0) accepted[person]++;
      if (r.status === 0 || /already|no longer/.test(r.err)) return;
    }
    throw new Error(`${person} could not vote`);
  };
  await Promise.all(PEOPLE.flatMap((p) => [vote(p), vote(p), vote(p)]));
  assert.equal((await locker).status, 0);
  assert.deepEqual(Object.values(accepted), PEOPLE.map(() => 1));
  assert.equal((await held).command, 'DELETE');
  assert.equal(await pg.timesRun(text), 1);
  const { votes } = await g.show(id);
  assert.deepEqual(votes.map((v) => v.person).sort(), PEOPLE);
  const lines = g.auditText().split('\n').filter((l) => l.includes('"kind":"vote"')).map((l) => JSON.parse(l).data.by);
  assert.deepEqual(lines.filter((p) => PEOPLE.includes(p)).sort(), PEOPLE);
  assert.equal((await g.auditVerify()).status, 0);
}, 120000);
