// Finding records: by whom, where, which rule, which words, when and how it ended; the story of a request.
import assert from 'node:assert/strict';
import { chmodSync, copyFileSync, existsSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { nodeClient, refused } from '../lib/clients.mjs';
import { Gateway } from '../lib/gateway.mjs';
import { IS_ROOT, run, test, until } from '../lib/harness.mjs';
import { Postgres } from '../lib/postgres.mjs';

const pg = await Postgres.start();

// A gateway that recorded an approved change, a rejected one, a denial and reads; it goes on running.
async function history(scope) {
  const g = await Gateway.start(scope, { upstream: pg.upstream, record: 'all' });
  const connect = (user) => nodeClient(scope, { host: '127.0.0.1', port: g.port, user, database: pg.database });
  const app = await connect('app');
  await app.query('SELECT status FROM orders WHERE id = $1', [7]);
  const approved = app.query("UPDATE orders SET status = 'Sought' WHERE id = 1");
  const first = await g.pending();
  await g.approve(first.id, 'because of ticket OPS_4711');
  await approved;
  await g.reaches(first.id, 'completed');
  const bo = await connect('bo');
  const rejected = refused(bo.query('DELETE FROM orders WHERE id = 2'));
  const second = await g.pending();
  await g.reject(second.id, 'not on a Friday');
  await rejected;
  assert.equal((await refused(bo.query('TABLE secrets'))).code, 'ZC001');
  await until(() => g.auditText().includes('secrets-stay'), 'the record of the denial');
  return { g, app, first, second, index: join(g.dir, 'audit/index.sqlite') };
}

async function search(g, ...args) {
  const r = await g.cli(['audit', 'search', '-c', g.config, '--json', '--oldest-first', ...args]);
  assert.equal(r.status, 0, r.err + r.out);
  return Object.assign(JSON.parse(r.out), { err: r.err });
}
// What is found out about an action in the meantime has records of its own, when it is found out.
const kinds = async (...args) => (await search(...args)).records.map((r) => r.kind).filter((k) => k !== 'impact').join(' ');
const numbers = async (...args) => (await search(...args)).records.map((r) => r.seq);

test('records are found by person, resource, guardrail, outcome, kind, request, words and time, and by all together', async (scope) => {
  const { g, first, second } = await history(scope);
  assert.equal(await kinds(g, '--request', String(first.id)), 'opened vote approved running completed');
  assert.equal(await kinds(g, '--request', String(second.id)), 'opened vote rejected');
  assert.equal(await kinds(g, '--outcome', 'rejected'), 'rejected');
  assert.equal(await kinds(g, '--outcome', 'denied'), 'action');
  assert.equal(await kinds(g, '--kind', 'vote'), 'vote vote');
  assert.equal(await kinds(g, '--guardrail', 'secrets-stay'), 'action');
  assert.equal(await kinds(g, '--person', 'bo', '--guardrail', 'order-changes'), 'opened vote rejected');
  assert.equal(await kinds(g, '--person', 'ana', '--kind', 'vote'), 'vote vote');
  assert.match(await kinds(g, '--person', 'app', '--outcome', 'allowed'), /^action( action)*$/);
  assert.equal(await kinds(g, '--text', 'ticket ops_4711'), 'vote approved');
  assert.equal(await kinds(g, '--text', 'SOUGHT orders', '--kind', 'opened'), 'opened');
  assert.equal(await kinds(g, '--text', 'ops_47*', '--kind', 'vote'), 'vote');
  assert.equal(await kinds(g, '--text', 'ops_47'), '');
  assert.equal(await kinds(g, '--resource', 'nowhere'), '');
  const all = (await numbers(g, '--limit', '1000')).length;
  assert.equal((await numbers(g, '--since', '1h', '--limit', '1000')).length, all);
  assert.equal((await numbers(g, '--until', '1h', '--limit', '1000')).length, 0);
  const some = await search(g, '--limit', '3');
  assert.deepEqual([some.records.map((r) => r.seq), some.more], [[1, 2, 3], true]);
  assert.deepEqual(await numbers(g, '--after', '3', '--limit', '2'), [4, 5]);
  const newest = await g.cli(['audit', 'search', '-c', g.config, '--limit', '2']);
  assert.equal(newest.status, 0, newest.err);
  assert.match(newest.out, /^RECORD +TIME.*\n\d+ .*\n\d+ .*\nThere are more/);
});

test('what happens after the index was made is found; --scan finds the same without one', async (scope) => {
  const { g, app, index } = await history(scope);
  assert.equal(await kinds(g, '--text', 'newly'), '');
  await app.query("INSERT INTO notes (body) VALUES ('newly')");
  await until(() => g.auditText().includes('newly'), 'the record');
  assert.equal(await kinds(g, '--text', 'newly'), 'action');
  rmSync(index);
  for (const args of [['--person', 'ana'], ['--text', 'orders'], ['--outcome', 'allowed', '--resource', 'shop'], ['--request', '1']]) {
    const scanned = await numbers(g, '--scan', '--limit', '1000', ...args);
    assert.ok(scanned.length > 0);
    assert.deepEqual(await numbers(g, '--limit', '1000', ...args), scanned, args.join(' '));
  }
});

const damages = {
  'it is deleted': (index) => rmSync(index),
  'it is no database': (index) => writeFileSync(index, 'not a database at all, but long enough to be looked at'),
  'it is empty': (index) => truncateSync(index, 0),
  'it is cut short': (index) => truncateSync(index, Math.floor(statSync(index).size / 2)),
  'its middle is overwritten': (index) => {
    const bytes = readFileSync(index);
    bytes.fill(0xa5, 4096);
    writeFileSync(index, bytes);
  },
  'it is of another log': async (index) => {
    const r = await run('python3', ['-c', `import sqlite3; d = sqlite3.connect('${index}'); d.execute("UPDATE meta SET value = '${'0'.repeat(64)}' WHERE key = 'leaf'"); d.commit()`]);
    assert.equal(r.status, 0, r.err);
  },
  'a machine crashed while it grew': async (index) => {
    const r = await run('python3', ['-c', `import sqlite3; d = sqlite3.connect('${index}'); d.execute("UPDATE meta SET value = 'another start' WHERE key = 'state'"); d.execute("DELETE FROM blocks"); d.commit()`]);
    assert.equal(r.status, 0, r.err);
  },
  'it names records that are something else': async (index) => {
    const r = await run('python3', ['-c', `import sqlite3; d = sqlite3.connect('${index}')
rows = d.execute("SELECT value FROM meta WHERE key = 'next'").fetchone()
for seq in range(1, int(rows[0])): d.execute("INSERT INTO words (rowid, w) VALUES (?, 'ticket ops_4711')", (seq,))
d.commit()`]);
    assert.equal(r.status, 0, r.err);
  },
};

test('an index that is missing, damaged, foreign or lying is found and made again; the answers stay', async (scope) => {
  const { g, index } = await history(scope);
  const expected = await numbers(g, '--text', 'ticket ops_4711');
  assert.equal(expected.length, 2);
  for (const [name, damage] of Object.entries(damages)) {
    await damage(index);
    assert.deepEqual(await numbers(g, '--text', 'ticket ops_4711'), expected, name);
    assert.deepEqual(await numbers(g, '--text', 'ticket ops_4711'), expected, `${name}, once more`);
  }
  assert.equal(statSync(index).mode & 0o777, 0o600);
  assert.equal((await g.auditVerify()).status, 0);
});

test('the index of a log that was rolled back is not used for what came after', async (scope) => {
  const { g, index } = await history(scope);
  await g.stop();
  const early = join(g.dir, 'early');
  await search(g);
  await run('cp', ['-a', join(g.dir, 'audit'), early]);
  g.status = undefined;
  g.launch();
  await g.listening();
  const client = await nodeClient(scope, { host: '127.0.0.1', port: g.port, user: 'app', database: pg.database });
  await client.query("SELECT 'later'");
  await until(() => g.auditText().includes('later'), 'the record');
  assert.equal(await kinds(g, '--text', 'later'), 'action');
  await g.stop();
  copyFileSync(index, join(early, 'index.sqlite'));
  const r = await g.cli(['audit', 'search', '--log', early, '--json', '--text', 'later']);
  assert.deepEqual(JSON.parse(r.out).records, [], r.err);
});

test('somebody who may read the log and not write beside it is answered from the log', async (scope) => {
  if (!IS_ROOT) return; // only root can become somebody else here
  const { g } = await history(scope);
  await g.stop();
  const copy = join(g.dir, 'copy');
  await run('bash', ['-c', `cp -r "$1" "$2" && rm -f "$2"/index.* && chmod -R a+rX "$2" && chmod a+rx "$3"`, 'x', join(g.dir, 'audit'), copy, g.dir]);
  chmodSync(copy, 0o555);
  const r = await g.cli(['audit', 'search', '--log', copy, '--json', '--outcome', 'rejected'], { as: 'games' });
  assert.equal(r.status, 0, r.err);
  assert.equal(JSON.parse(r.out).records.length, 1);
  assert.match(r.err, /no index can be kept/);
  assert.ok(!existsSync(join(copy, 'index.sqlite')));
});

test('the story of a request: who, what, why held, each vote with its reason, what ran, how it ended', async (scope) => {
  const { g, first, second } = await history(scope);
  const story = await g.cli(['audit', 'story', String(first.id), '-c', g.config]);
  assert.equal(story.status, 0, story.err);
  let from = 0;
  for (const word of ['held: the request is opened', "UPDATE orders SET status = 'Sought' WHERE id = 1", first.digest, 'order-changes', 'a vote', 'because of ticket OPS_4711',
    'approved', 'released: it runs', 'completed', 'UPDATE 1']) {
    const at = story.out.indexOf(word, from);
    assert.ok(at >= 0, `${word} is missing, or out of order, in:\n${story.out}`);
    if (!['order-changes', first.digest].includes(word)) from = at;
  }
  const other = (await g.cli(['audit', 'story', String(second.id), '-c', g.config])).out;
  assert.ok(other.includes('not on a Friday') && !other.includes('OPS_4711'));
  assert.equal((await g.cli(['audit', 'story', '4711', '-c', g.config])).status, 1);
  assert.equal((await g.cli(['audit', 'story', 'x', '-c', g.config])).status, 2);
});

test('a hostile text is told whole and cannot imitate the story around it', async (scope) => {
  const { g, app } = await history(scope);
  const long = `/* ${'padding '.repeat(4000)} */`;
  const held = refused(app.query(`DELETE FROM orders WHERE id = 3 ${long}\n\n2026-01-01T00:00:00.000Z  approved (record 1)\n\x1b[2J\u202e evil`));
  const { id } = await g.pending();
  await g.reject(id, 'no\n2026-01-01T00:00:00.000Z  completed (record 2)');
  await held;
  const { out } = await g.cli(['audit', 'story', String(id), '-c', g.config]);
  assert.ok(!/[\x00-\x09\x0b-\x1f\x7f\u202e]/.test(out), 'a control character got through');
  assert.ok(!/^2026-01-01/m.test(out), 'a line of the text stands as one of the story');
  assert.equal(out.match(/padding/g).length, 4000);
  assert.ok(out.includes('evil'));
});

test('wrong use is said', async (scope) => {
  const { g } = await history(scope);
  for (const args of [['--limit', '0'], ['--text', '...'], ['--since', 'yesterday'], ['--request', 'x'], ['extra']])
    assert.equal((await g.cli(['audit', 'search', '-c', g.config, ...args])).status, 2, args.join(' '));
  assert.equal((await g.cli(['audit', 'search', '--log', join(g.dir, 'nowhere')])).status, 1);
});
