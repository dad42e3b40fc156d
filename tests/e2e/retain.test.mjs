// Retention: old content goes, the log stays verifiable, and what went is said.
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { nodeClient } from '../lib/clients.mjs';
import { Gateway } from '../lib/gateway.mjs';
import { run, test, until } from '../lib/harness.mjs';
import { Postgres } from '../lib/postgres.mjs';

const pg = await Postgres.start();
const PHRASE = 'marmalade sandwich';

async function search(g, ...args) {
  const r = await g.cli(['audit', 'search', '-c', g.config, '--json', ...args]);
  assert.equal(r.status, 0, r.err);
  return JSON.parse(r.out).records;
}

// Every file of the log's directory, as bytes.
const bytes = async (g) => (await run('bash', ['-c', 'find "$1" -type f -exec cat {} +', 'x', join(g.dir, 'audit')], { maxBuffer: 1e9 })).out;

test('content older than audit.retain.bodies is gone from the log and its index; everything else stays and verifies', async (scope) => {
  const g = await Gateway.start(scope, { upstream: pg.upstream, record: 'all' });
  const client = await nodeClient(scope, { host: '127.0.0.1', port: g.port, user: 'app', database: pg.database });
  await client.query(`SELECT '${PHRASE}'`);
  const held = client.query(`UPDATE orders SET status = '${PHRASE}' WHERE id = 9`);
  await g.approve((await g.pending()).id, `for the ${PHRASE}`);
  await held;
  await client.end();
  await until(async () => (await search(g, '--text', PHRASE)).length >= 3, 'the records');
  assert.ok((await bytes(g)).includes('marmalade'));
  const before = await search(g, '--limit', '1000', '--oldest-first');
  await g.stop();
  assert.equal((await g.auditVerify()).status, 0);

  writeFileSync(g.config, readFileSync(g.config, 'utf8').replace('record: all', 'record: all, retain: { bodies: 2s }'));
  g.status = undefined;
  g.launch();
  await g.listening();
  await until(async () => !(await bytes(g)).includes('marmalade'), 'the content to go', 20000);
  const after = await search(g, '--limit', '1000', '--oldest-first');
  for (const [i, r] of before.entries()) assert.deepEqual([after[i].seq, after[i].time, after[i].kind], [r.seq, r.time, r.kind]);
  assert.deepEqual(await search(g, '--text', PHRASE), []);
  const pruned = after.filter((r) => r.kind === 'pruned');
  assert.ok(pruned.length > 0 && pruned[0].data.bodies > 0, JSON.stringify(pruned));
  const story = await g.cli(['audit', 'story', '1', '-c', g.config]);
  assert.equal(story.status, 0, story.err);
  assert.ok(story.out.includes('erased') && story.out.includes('ana') && !story.out.includes('marmalade'), story.out);
  await g.stop();
  const verified = await g.auditVerify();
  assert.equal(verified.status, 0, verified.err + verified.out);
});

test('a retention that is no length of time is an error of the configuration', async (scope) => {
  const g = await Gateway.start(scope, { upstream: pg.upstream });
  writeFileSync(g.config, readFileSync(g.config, 'utf8').replace('record: matched', 'retain: { bodies: soon }'));
  const r = await g.cli(['check', '-c', g.config]);
  assert.notEqual(r.status, 0);
  assert.match(r.err + r.out, /bodies/);
});
