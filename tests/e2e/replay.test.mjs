// A changed policy over the actions that were recorded.
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { nodeClient, refused } from '../lib/clients.mjs';
import { GUARDRAILS, Gateway } from '../lib/gateway.mjs';
import { test, until } from '../lib/harness.mjs';
import { Postgres } from '../lib/postgres.mjs';

const pg = await Postgres.start();

// A gateway that has recorded some actions, stopped: 3 reads, 2 inserts, 2 held changes, 1 denial.
async function history(scope, record = 'all') {
  const g = await Gateway.start(scope, { upstream: pg.upstream, record });
  const client = await nodeClient(scope, { host: '127.0.0.1', port: g.port, user: 'app', database: pg.database, application_name: 'shop-web' });
  for (const id of [1, 2, 3]) await client.query('SELECT status FROM orders WHERE id = $1', [id]);
  for (const body of ['a', 'b']) await client.query('INSERT INTO notes (body) VALUES ($1)', [body]);
  for (const id of [4, 5]) {
    const held = client.query(`UPDATE orders SET status = 'replayed' WHERE id = ${id}`);
    await g.approve((await g.pending()).id);
    await held;
  }
  assert.equal((await refused(client.query('TABLE secrets'))).code, 'ZC001');
  await until(() => g.auditText().includes('secrets-stay'), 'the record of the denial');
  await client.end();
  await g.stop();
  return g;
}

// The configuration of `g` with other guardrails, in a file of its own.
function changed(g, guardrails) {
  const path = join(g.dir, 'new.yaml');
  writeFileSync(path, readFileSync(g.config, 'utf8').replace(/guardrails:[^]*$/, guardrails));
  return path;
}

async function replay(g, path, ...more) {
  const r = await g.cli(['policy', 'replay', '-c', path, '--since', '1d', '--json', ...more]);
  assert.equal(r.status, 0, r.err + r.out);
  return JSON.parse(r.out);
}

const verdict = (report, was, now) => report.verdicts.find((v) => v.was === was && v.would_be === now).actions;
const guardrail = (report, name) => report.guardrails.find((x) => x.name === name);

const HOLD_NOTES = `guardrails:
  - name: order-changes
    on: sql
    when: "'orders' in sql.tables_written && context.application != 'shop-web'"
    then: hold
    approvals: [{ from: [dba], count: 1 }]
  - name: note-changes
    on: sql
    when: "'notes' in sql.tables_written"
    then: hold
    approvals: [{ from: [leads], count: 1 }]
`;

test('the same policy decides every recorded action as it did, whatever the number of processes', async (scope) => {
  const g = await history(scope);
  for (const jobs of ['1', '2', '7']) {
    const report = await replay(g, g.config, '--jobs', jobs);
    assert.equal(report.changed, 0, JSON.stringify(report));
    assert.equal(report.judged, report.records);
    assert.equal(verdict(report, 'hold', 'hold'), 2);
    assert.equal(verdict(report, 'deny', 'deny'), 1);
    assert.ok(verdict(report, 'allow', 'allow') >= 5);
    assert.equal(report.all_actions_recorded, true);
  }
});

test('a changed policy: what is decided differently, per guardrail, with examples, and who would get how much', async (scope) => {
  const g = await history(scope);
  const report = await replay(g, changed(g, HOLD_NOTES));
  assert.equal(verdict(report, 'allow', 'hold'), 2); // notes
  assert.equal(verdict(report, 'hold', 'allow'), 2); // orders, from shop-web
  assert.equal(verdict(report, 'deny', 'allow'), 1); // secrets
  assert.equal(report.changed, 5);
  assert.deepEqual([guardrail(report, 'note-changes').new, guardrail(report, 'note-changes').changes], [2, 2]);
  assert.deepEqual([guardrail(report, 'order-changes').gone, guardrail(report, 'order-changes').would_match], [2, 0]);
  assert.equal(guardrail(report, 'secrets-stay').gone, 1);
  const [example] = guardrail(report, 'note-changes').examples;
  assert.equal(example.text, 'INSERT INTO notes (body) VALUES ($1)');
  assert.deepEqual([example.who, example.was, example.would_be, example.resource], ['app', 'allow', 'hold', 'shop']);
  const load = Object.fromEntries(report.approvers.map((p) => [p.person, [p.was.requests, p.would_be.requests, p.would_be.busiest_day]]));
  assert.deepEqual(load, { ana: [2, 0, 0], bo: [2, 2, 2] });

  const text = (await g.cli(['policy', 'replay', '-c', changed(g, HOLD_NOTES)])).out;
  for (const word of ['5 would be decided differently', 'note-changes', 'INSERT INTO notes (body) VALUES ($1)', 'allow, would hold', 'Requests that each person could decide'])
    assert.ok(text.includes(word), `${word} is missing in:\n${text}`);
});

test('what is not known is counted and named, and no verdict is guessed', async (scope) => {
  const g = await history(scope);
  const report = await replay(g, changed(g, `guardrails:
  - name: many-rows
    on: sql
    when: "'orders' in sql.tables_written && sql.estimated_rows > 10"
    then: hold
    approvals: [{ from: [dba], count: 1 }]
`));
  assert.equal(report.not_judged.unknown, 2);
  assert.deepEqual(report.not_judged.unknown_facts, { 'sql.estimated_rows': 2 });
  assert.equal(report.judged, report.records - 2);
});

test('a log without the allowed actions is said to be one; resources that are gone are named', async (scope) => {
  const g = await history(scope, 'matched');
  const report = await replay(g, g.config);
  assert.equal(report.all_actions_recorded, false);
  const path = changed(g, GUARDRAILS);
  writeFileSync(path, readFileSync(path, 'utf8').replace('- name: shop', '- name: store'));
  const other = await replay(g, path);
  assert.deepEqual(other.not_judged.resources_gone, { shop: 3 });
  assert.equal(other.judged, 0);
  const text = (await g.cli(['policy', 'replay', '-c', path])).out;
  assert.match(text, /Allowed actions that no guardrail matched are not in this log/);
});

test('wrong use and a missing log are said', async (scope) => {
  const g = await history(scope);
  for (const args of [['--since', 'yesterday'], ['--jobs', '0'], ['--examples', '21'], ['--since', '1h', '--until', '2h']])
    assert.equal((await g.cli(['policy', 'replay', '-c', g.config, ...args])).status, 2, args.join(' '));
  const none = await g.cli(['policy', 'replay', '-c', g.config, '--log', join(g.dir, 'nowhere')]);
  assert.equal(none.status, 1);
  assert.match(none.err, /nowhere.*not found/);
});
