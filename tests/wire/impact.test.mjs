// Questions about what a statement would do, in front of a server that is slow, ends, or says what is not true.
import assert from 'node:assert/strict';
import { test, until } from '../lib/harness.mjs';
import { standardAnswer } from '../lib/fake-server.mjs';
import { back, describe, front, message } from '../lib/pgwire.mjs';
import { behind, othersAreServed, quiet } from '../lib/wire.mjs';

const WIDE = `guardrails:
  - name: wide
    on: sql
    when: sql.writes && sql.estimated_rows > 1000
    then: hold
    approvals: [{ from: [dba], count: 1 }]
    message: "too wide"
`;
const DELETE = front.query('DELETE FROM orders WHERE id = 1');
const plan = (rows) => `[{"Plan": {"Node Type": "ModifyTable", "Operation": "Delete", "Total Cost": 1, "Plan Rows": 0, "Plans":
  [{"Node Type": "Seq Scan", "Parent Relationship": "Outer", "Total Cost": 1, "Plan Rows": ${rows}}]}}]`;
// A server that runs every question, and answers EXPLAIN with `say()`. `mute`: it answers no question at all.
const asked = (say) => {
  const sql = new Map();
  return (m, c) => {
    const text = m.body.toString('utf8');
    const name = text.split('\0')[0];
    if (m.type === 'P') sql.set(c, text.split('\0')[1]);
    if (!name.includes('countersign') && !text.includes('countersign')) return m.type === 'S' && c.quiet ? undefined : standardAnswer(m, c);
    const now = sql.get(c);
    if (m.type === 'E' && now.startsWith('EXPLAIN')) return say(c);
    if (m.type === 'E' && now.startsWith('BEGIN')) c.state = 'T';
    if (m.type === 'E' && now === 'ROLLBACK') c.state = 'I';
    return standardAnswer(m, c);
  };
};
const answers = (json) => () => Buffer.concat([back.row([json]), back.complete('EXPLAIN')]);
const settings = { guardrails: WIDE, resource: 'catalog: false' };

test('the plan decides: few rows pass, many wait, and nothing of the statement itself is at the server before', async (scope) => {
  for (const [rows, passes] of [[5, true], [5000, false]]) {
    const { g, login, server } = await behind(scope, { ...settings, answer: asked(answers(plan(rows))) });
    const c = await login();
    const from = c.messages.length;
    c.send(DELETE);
    if (!passes) await g.approve((await g.pending()).id);
    await c.next('Z', from);
    assert.equal((await g.requests()).length, passes ? 0 : 1);
    assert.deepEqual(server.received.filter((m) => m.type === 'Q').map((m) => message(m.type, m.body)), [DELETE]);
  }
});

test('an answer that is no plan is no number: it waits for people', async (scope) => {
  for (const json of ['', '{}', '[{"Plan": 1}]', plan(-1), plan('"1"'), `[${'['.repeat(3000)}`, '[{"Plan": {"Node Type": "Result"}}]', plan(1).slice(0, -1)]) {
    const { g, login } = await behind(scope, { ...settings, answer: asked(answers(json)) });
    const c = await login();
    c.send(DELETE);
    const { id } = await g.pending();
    assert.equal(typeof (await g.show(id)).explanation.facts['sql.estimated_rows'], 'object', json);
  }
});

test('a server that does not answer the question: it waits for people in time, and the session goes on', async (scope) => {
  let released;
  const { g, login, server } = await behind(scope, { ...settings, answer: asked((c) => { released = c; return undefined; }) });
  const c = await login();
  const from = c.messages.length;
  const started = Date.now();
  c.send(DELETE);
  const { id } = await g.pending(1, 6000);
  assert.ok(Date.now() - started < 5000);
  await g.reject(id, 'no');
  await c.next('E', from);
  assert.equal(server.queries().length, 0);
  c.destroy();
  await until(() => released, 'the question');
});

test('a server that ends in the middle of a question ends its session, and only that', async (scope) => {
  let end = true;
  const { g, login } = await behind(scope, { ...settings, answer: asked((c) => { if (end) c.socket.destroy(); return answers(plan(1))(); }) });
  const c = await login();
  const from = c.messages.length;
  c.send(DELETE);
  await c.next('E', from);
  assert.match(c.messages.slice(from).map(describe).join(), /08006/);
  end = false;
  await othersAreServed(login, DELETE);
  assert.equal((await g.requests()).length, 0);
});

test('Ctrl-C while the question is open: the statement is cancelled, the late answer is swallowed, the session goes on', async (scope) => {
  let late;
  // After the EXPLAIN it is silent until it is told to go on.
  const script = asked((c) => { late = c; return undefined; });
  const { open, login, server } = await behind(scope, { ...settings, answer: (m, c) => (late && m.type !== 'Q' ? undefined : script(m, c)) });
  const c = await login();
  const { pid, secret } = c.key();
  const from = c.messages.length;
  c.send(DELETE);
  await until(() => late, 'the question');
  (await open()).send(front.cancel(pid, secret));
  await c.next('Z', from);
  assert.match(c.messages.slice(from).map(describe).join(), /57014/);
  await quiet();
  late.send(answers(plan(1))(), back.closeComplete(), back.closeComplete(), back.ready('T'), back.closeComplete(), back.closeComplete(),
    back.parseComplete(), back.bindComplete(), back.complete('ROLLBACK'), back.closeComplete(), back.closeComplete(), back.ready('I'));
  late.state = 'I';
  const after = c.messages.length;
  c.send(front.query('SELECT 1'));
  await c.next('Z', after);
  assert.match(c.messages.slice(after).map(describe).join(), /complete SELECT 1/);
  assert.deepEqual(server.queries(), ['SELECT 1']);
});

test('an upstream that fails the question with an error leaves the statement to people', async (scope) => {
  const { g, login } = await behind(scope, { ...settings, answer: asked((c) => { c.skipping = true; return back.error('57014', 'canceling statement due to statement timeout'); }) });
  const c = await login();
  c.send(DELETE);
  const { id } = await g.pending();
  const { impact } = await until(async () => { const r = await g.show(id); return r.impact && r; }, 'the impact');
  assert.match(impact.not_available.estimate, /statement timeout/);
});
