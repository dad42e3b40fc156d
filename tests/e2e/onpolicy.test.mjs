// Changes of the configuration that people have to approve: `on: policy`.
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { GUARDRAILS, Gateway } from '../lib/gateway.mjs';
import { BINARY, run, tempDir, test, until } from '../lib/harness.mjs';
import { Postgres } from '../lib/postgres.mjs';

const pg = await Postgres.start();
const GUARDED = `${GUARDRAILS}  - name: policy-changes
    on: policy
    when: "['guardrails', 'people'].exists(s, s in policy.changed)"
    then: hold
    approvals: [{ from: [dba], count: 1 }]
    message: "{subject.name} wants to change {policy.changed}"
    tests:
      - { policy: { changed: [guardrails], removed: [guardrails.secrets-stay] }, expect: hold }
      - { policy: { changed: [resources] }, expect: allow }
`;
const OPEN = GUARDED.replace("then: deny", 'then: allow');
const start = (scope, options = {}) => Gateway.start(scope, { upstream: pg.upstream, guardrails: GUARDED, top: 'people_file: people.yaml', ...options });
const records = (g) => g.auditText().trim().split('\n').map((l) => JSON.parse(l));
const inForce = (g) => records(g).filter((r) => r.kind === 'policy' || r.kind === 'started').at(-1).data.policy_version;
const reload = async (g, guardrails) => {
  g.writeConfig({ guardrails });
  const before = g.log.length;
  g.process.kill('SIGHUP');
  await until(() => g.log.slice(before).match(/loaded again\n|stays in force/), () => `an answer to SIGHUP: ${g.log.slice(before)}`);
};
const bo = async (g, ...words) => {
  const r = await g.cli(words, { as: 'daemon' });
  assert.equal(r.status, 0, r.err);
  return r.out;
};
const ended = (g, id, state) => until(async () => (await g.state(id)) === state, `request ${id} to be ${state}`);

test('a change of guardrails waits, is shown whole, and is in force when it was approved', async (scope) => {
  const g = await start(scope);
  const old = inForce(g);
  await reload(g, OPEN);
  assert.match(g.log, /waits as request \d+ for 1 of dba/);
  const { id } = await g.pending();
  assert.equal(inForce(g), old);
  const page = await bo(g, 'show', String(id));
  assert.match(page, /-\s+then: deny/);
  assert.match(page, /\+\s+then: allow/);
  assert.match(page, /guardrails\.secrets-stay/);
  assert.match(page, /@@ -\d+,7 \+\d+,7 @@/);
  const own = await g.cli(['approve', String(id), '--yes']);      // who sent SIGHUP is ana
  assert.equal(own.status, 1);
  assert.equal(inForce(g), old);
  await bo(g, 'approve', String(id), '--yes');
  await ended(g, id, 'completed');
  await until(() => inForce(g) !== old, 'the new policy to be in force');
  const kinds = records(g).filter((r) => r.data.request === id).map((r) => r.kind);
  for (const kind of ['opened', 'approved', 'running', 'completed']) assert.ok(kinds.includes(kind), `${kind} in ${kinds}`);
  assert.ok(!records(g).some((r) => r.kind === 'policy_unapproved'));
});

test('a change that is rejected leaves the old configuration in force', async (scope) => {
  const g = await start(scope);
  const old = inForce(g);
  await reload(g, OPEN);
  const { id } = await g.pending();
  await bo(g, 'reject', String(id), '--reason', 'no');
  await ended(g, id, 'rejected');
  await until(() => g.log.includes(`request ${id} for the change was rejected`), 'the log to say so');
  assert.equal(inForce(g), old);
  // Nor does the rejected one come back: the same bytes are asked for anew.
  await reload(g, OPEN);
  assert.notEqual((await g.pending()).id, id);
  assert.equal(inForce(g), old);
});

test('what was changed after it was shown is not what was approved', async (scope) => {
  const g = await start(scope);
  const old = inForce(g);
  await reload(g, OPEN);
  const { id } = await g.pending();
  g.writeConfig({ guardrails: OPEN.replace('then: allow', 'then: allow\n    mode: observe') });
  await bo(g, 'approve', String(id), '--yes');
  await ended(g, id, 'withdrawn');
  const next = await g.pending();
  assert.notEqual(next.id, id);
  assert.equal(inForce(g), old);
  assert.match(await bo(g, 'show', String(next.id)), /mode: observe/);
  await bo(g, 'approve', String(next.id), '--yes');
  await ended(g, next.id, 'completed');
  assert.notEqual(inForce(g), old);
});

test('a change that no guardrail asks about passes as ever, and one that is denied does not', async (scope) => {
  const g = await start(scope);
  const old = inForce(g);
  g.settings.environment = 'staging';
  await reload(g, GUARDED);
  assert.notEqual(inForce(g), old);
  const shut = await start(scope, { guardrails: GUARDED.replace('then: hold\n    approvals: [{ from: [dba], count: 1 }]\n    message: "{subject.name} wants to change {policy.changed}"', 'then: deny\n    message: "not here"').replace(/    tests:\n      - .*\n      - .*\n$/, '') });
  const was = inForce(shut);
  await reload(shut, OPEN);
  assert.equal(inForce(shut), was);
  assert.match(shut.log, /denies the change \(policy-changes\): not here/);
  assert.ok(records(shut).some((r) => r.kind === 'policy_refused'));
});

test('a person is added by the same command once that was approved, and not before', async (scope) => {
  const g = await start(scope);
  const first = await g.cli(['user', 'add', 'dora', '--groups', 'dba']);
  assert.equal(first.status, 1);
  assert.match(first.err, /waits as request \d+/);
  const { id } = await g.pending();
  const page = await bo(g, 'show', String(id));
  assert.match(page, /people\.dora/);
  assert.ok(!(await g.http('GET', '/v1/people')).json.people.some((p) => p.name === 'dora'));
  await bo(g, 'approve', String(id), '--yes');
  assert.equal((await g.cli(['user', 'add', 'eve', '--groups', 'dba'])).status, 1);   // that is another change
  assert.equal(await g.state(id), 'withdrawn');
  assert.equal((await g.cli(['user', 'add', 'dora', '--groups', 'dba'])).status, 1);
  const again = await g.pending();
  await bo(g, 'approve', String(again.id), '--yes');
  const done = await g.cli(['user', 'add', 'dora', '--groups', 'dba']);
  assert.equal(done.status, 0, done.err);
  assert.equal(await g.state(again.id), 'completed');
  assert.match(readFileSync(join(g.dir, 'people.yaml'), 'utf8'), /dora/);
});

test('a start with another configuration says that nobody approved it, and what waited is withdrawn', async (scope) => {
  const g = await start(scope);
  await reload(g, OPEN);
  const { id } = await g.pending();
  await g.stop();
  g.status = undefined;
  g.launch();
  await g.listening();
  assert.equal(await g.state(id), 'withdrawn');
  const record = records(g).find((r) => r.kind === 'policy_unapproved');
  assert.equal(record.data.policy_version, inForce(g));
});

test('check says what makes no sense in an `on: policy`', async (scope) => {
  const file = join(tempDir(scope), 'c.yaml');
  const check = async (rail) => {
    writeFileSync(file, `version: 1\npeople: { ana: { groups: [dba] }, bo: { groups: [dba] } }\nguardrails:\n  - { name: g, ${rail} }\n`);
    return run(BINARY, ['check', '-c', file]);
  };
  const good = 'on: policy, then: hold, approvals: [{ from: [dba], count: 1 }]';
  assert.equal((await check(`${good}, tests: [{ policy: { changed: [people] }, expect: hold }]`)).status, 0);
  const failed = await check(`${good}, when: "'people' in policy.changed", tests: [{ policy: { changed: [groups] }, expect: hold }]`);
  assert.notEqual(failed.status, 0);
  assert.match((await check(`${good.replace('policy', '[policy, sql]')}`)).err, /stands alone/);
  assert.match((await check(`${good}, resources: [shop]`)).err, /makes no sense/);
  assert.match((await check(`${good}, tests: [{ sql: SELECT 1, expect: hold }]`)).err, /on: sql/);
  assert.match((await check(`${good}, tests: [{ policy: { changd: [x] }, expect: hold }]`)).err, /changed/);
});
