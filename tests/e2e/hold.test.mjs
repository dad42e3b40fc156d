// The main job as a developer at psql and an approver at a shell live it.
import assert from 'node:assert/strict';
import { Psql } from '../lib/clients.mjs';
import { Gateway } from '../lib/gateway.mjs';
import { sleep, test } from '../lib/harness.mjs';
import { Postgres } from '../lib/postgres.mjs';

const pg = await Postgres.start();
const psqlAs = (scope, g, user) => Psql.start(scope, { host: '127.0.0.1', port: g.port, user, dbname: pg.database });
const both = async (scope, options) => {
  const g = await Gateway.start(scope, { upstream: pg.upstream, ...options });
  return { g, psql: await psqlAs(scope, g, 'app') };
};

test('a statement that no guardrail touches passes with the same result as directly', async (scope) => {
  const { g, psql } = await both(scope);
  const text = 'SELECT id, status, total FROM orders WHERE id < 4 ORDER BY id;';
  const shown = await psql.run(text);
  const direct = await Psql.start(scope, { host: '127.0.0.1', port: pg.port, user: 'app', dbname: pg.database });
  assert.equal(shown, await direct.run(text));
  assert.match(await psql.run("INSERT INTO notes (body) VALUES ('routine');"), /INSERT 0 1/);
  assert.equal((await g.requests()).length, 0);
});

test('a held statement says at once its number, why, who may decide, how long, and how to give up', async (scope) => {
  const { g, psql } = await both(scope);
  psql.type('DELETE FROM orders WHERE id = 1;');
  const [notice] = await psql.see(/NOTICE:[^]*?Ctrl-?C[^]*?\n/i, 3000);
  const request = await g.pending();
  assert.match(notice, new RegExp(`\\b${request.id}\\b`));
  assert.match(notice, /app wants to change orders/);
  assert.match(notice, /dba/);
  assert.match(notice, /\b(5 ?m|4 ?m)/);
  assert.equal(await pg.timesRun('DELETE FROM orders WHERE id = 1'), 0);
});

test('an approved statement runs once, in the same session, and gives its result', async (scope) => {
  const { g, psql } = await both(scope);
  const pid = /(\d+)\n/.exec(await psql.run('SELECT pg_backend_pid();'))[1];
  psql.type(`UPDATE orders SET status = 'by ' || pg_backend_pid() WHERE id = 2 RETURNING status;`);
  await psql.see(/NOTICE/);
  const { id } = await g.pending();
  await g.approve(id, 'ticket 7');
  const shown = await psql.prompt();
  assert.match(shown, new RegExp(`by ${pid}`));
  assert.match(shown, /UPDATE 1/);
  assert.equal(await pg.timesRun("'by ' || pg_backend_pid()"), 1);
  await g.reaches(id, 'completed');
});

test('a rejected statement is an ERROR with the reason as DETAIL, never runs, and the session goes on', async (scope) => {
  const { g, psql } = await both(scope);
  psql.type('DELETE FROM orders WHERE id = 3;');
  await psql.see(/NOTICE/);
  const { id } = await g.pending();
  await g.reject(id, 'use the archive job');
  const shown = await psql.prompt();
  assert.match(shown, /ERROR: +ZC002:/);
  assert.match(shown, /DETAIL: [^\n]*use the archive job/);
  assert.match(shown, /HINT: +\S/);
  assert.match(await psql.run('SELECT 40 + 2;'), /42/);
  assert.equal(await pg.timesRun('DELETE FROM orders WHERE id = 3'), 0);
  assert.equal(await g.state(id), 'rejected');
});

test('a denied statement is an ERROR at once with the message of the guardrail, and never runs', async (scope) => {
  const { g, psql } = await both(scope);
  const shown = await psql.run('SELECT value FROM secrets;');
  assert.match(shown, /ERROR: +ZC001:/);
  assert.match(shown, /the table secrets is not for this gateway/);
  assert.match(await psql.run('SELECT 1 AS still_here;'), /still_here/);
  assert.equal(await pg.timesRun('FROM secrets'), 0);
  assert.equal((await g.requests('pending')).length, 0);
});

test('a statement nobody decides in time expires with its own SQLSTATE and never runs', async (scope) => {
  const { g, psql } = await both(scope, { guardrails: `guardrails:
  - name: soon
    on: sql
    when: sql.writes
    then: hold
    approvals: [{ from: [dba], count: 1 }]
    decide_within: 1s
    message: "quick"
` });
  psql.type('DELETE FROM orders WHERE id = 4;');
  await psql.see(/NOTICE/);
  const { id } = await g.pending();
  const shown = await psql.prompt();
  assert.match(shown, /ERROR: +ZC003:/);
  assert.match(shown, /HINT: +\S/);
  assert.equal(await g.state(id), 'expired');
  assert.equal((await g.vote('approve', id)).status, 409);
  assert.equal(await pg.timesRun('DELETE FROM orders WHERE id = 4'), 0);
});

test('Ctrl-C while held withdraws the request and gives 57014', async (scope) => {
  const { g, psql } = await both(scope);
  psql.type('DELETE FROM orders WHERE id = 5;');
  await psql.see(/NOTICE/);
  const { id } = await g.pending();
  psql.interrupt();
  assert.match(await psql.prompt(), /ERROR: +57014:/);
  await g.reaches(id, 'withdrawn');
  assert.equal((await g.vote('approve', id)).status, 409);
  assert.match(await psql.run('SELECT 1 AS still_here;'), /still_here/);
  assert.equal(await pg.timesRun('DELETE FROM orders WHERE id = 5'), 0);
});

test('Ctrl-C while a routine statement runs cancels it on the server', async (scope) => {
  const { psql } = await both(scope);
  psql.type('SELECT pg_sleep(30);');
  await sleep(500);
  psql.interrupt();
  assert.match(await psql.prompt(5000), /ERROR: +57014: +canceling statement due to user request/);
});

test('a client that disconnects while held withdraws its request', async (scope) => {
  const { g, psql } = await both(scope);
  psql.type('DELETE FROM orders WHERE id = 6;');
  await psql.see(/NOTICE/);
  const { id } = await g.pending();
  psql.closeWindow();
  await g.reaches(id, 'withdrawn');
  assert.equal((await g.vote('approve', id)).status, 409);
  assert.equal(await pg.timesRun('DELETE FROM orders WHERE id = 6'), 0);
});

test('a waiting client hears again and again that it waits, so that nothing in between times out', async (scope) => {
  const { g, psql } = await both(scope, { top: 'notice_interval: 1s' });
  psql.type('DELETE FROM orders WHERE id = 7;');
  await psql.see(/NOTICE/);
  const { id } = await g.pending();
  const [again] = await psql.see(/NOTICE:[^\n]*\n/, 4000);
  assert.match(again, new RegExp(`\\b${id}\\b`));
  await psql.see(/NOTICE/, 4000);
  await g.reject(id, 'enough');
  assert.match(await psql.prompt(), /ZC002/);
});

test('one session waits; others do not notice', async (scope) => {
  const { g, psql } = await both(scope);
  psql.type('DELETE FROM orders WHERE id = 8;');
  await psql.see(/NOTICE/);
  await g.pending();
  const other = await psqlAs(scope, g, 'bo');
  assert.match(await other.run('SELECT count(*) FROM orders;'), /\d+/);
});

test('of several statements in one text the whole text is held, and shown, and runs as one', async (scope) => {
  const { g, psql } = await both(scope);
  psql.type("SELECT 'first' \\; DELETE FROM orders WHERE id = 9 \\; SELECT 'third';");
  await psql.see(/NOTICE/);
  const { id } = await g.pending();
  assert.equal(await pg.timesRun("'first'"), 0);
  assert.match((await g.show(id)).action.text, /first[^]*DELETE FROM orders WHERE id = 9[^]*third/);
  await g.approve(id);
  const shown = await psql.prompt();
  assert.match(shown, /first/);
  assert.match(shown, /third/);
});

test('a statement that fails after its approval gives its own error, and the request says failed', async (scope) => {
  const { g, psql } = await both(scope);
  psql.type('UPDATE orders SET total = total / 0 WHERE id = 10;');
  await psql.see(/NOTICE/);
  const { id } = await g.pending();
  await g.approve(id);
  assert.match(await psql.prompt(), /ERROR: +22012:/);
  await g.reaches(id, 'failed');
});
