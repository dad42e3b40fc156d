// What a statement would do: the facts that rules ask for, and what people who decide are shown.
import assert from 'node:assert/strict';
import { Psql, nodeClient, psycopg, refused } from '../lib/clients.mjs';
import { Gateway } from '../lib/gateway.mjs';
import { sleep, test, until } from '../lib/harness.mjs';
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
