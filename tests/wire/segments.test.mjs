// S7: what TCP does to a stream changes nothing. Every conversation is played whole, one byte at a
// time and cut in two at every place, in both directions. The answers are the same each time; what
// reached the server is too, but for what follows an error in the same pipeline: whether that is sent
// for the server to skip, or skipped here, depends on when the error came.
import assert from 'node:assert/strict';
import { test } from '../lib/harness.mjs';
import { back, describe, front, message, sleep } from '../lib/pgwire.mjs';
import { standardAnswer } from '../lib/fake-server.mjs';
import { behind } from '../lib/wire.mjs';

const ext = (sql, values = []) => [front.parse('', sql), front.bind('', '', values), front.describe('P', ''), front.execute('')];

// Steps: bytes, then how many ReadyForQuery (or copy-in) messages answer them.
const conversations = {
  'simple statements': [[[front.query('SELECT 1'), front.query('')], 2], [[front.query('SELECT error')], 1], [[front.query("SELECT 'caf\u00e9'")], 1]],
  'a denied simple statement between others': [[[front.query('SELECT 1'), front.query('TABLE secrets'), front.query('SELECT 2')], 3]],
  'an extended pipeline': [[[...ext('SELECT $1', ['a']), ...ext('SELECT 2'), front.sync(), ...ext('SELECT 3', [null]), front.sync()], 2]],
  'a denied statement in an extended pipeline': [[[...ext('SELECT 1'), ...ext('TABLE secrets'), ...ext('SELECT 2'), front.sync(), ...ext('SELECT 3'), front.sync()], 2]],
  'a server error in an extended pipeline': [[[...ext('SELECT error'), ...ext('SELECT 2'), front.sync(), front.query('SELECT 3')], 2]],
  'named statements and portals': [[[front.parse('s', 'SELECT $1', [23]), front.describe('S', 's'), front.bind('p', 's', ['1']), front.execute('p', 1), front.close('P', 'p'), front.close('S', 's'), front.sync()], 1]],
  'a transaction that a refusal fails': [[[front.query('BEGIN')], 1], [[front.query('TABLE secrets'), front.query('COMMIT')], 2]],
  'COPY FROM STDIN': [[[front.query('COPY t FROM STDIN')], 1], [[front.copyData('1\ta\n'), front.copyData('2\tb\n'), front.copyDone(), front.query('SELECT 1')], 2]],
};

async function play(c, server, steps, write) {
  const from = c.messages.length;
  let expected = 0;
  for (const [parts, answers] of steps) {
    await write(c, Buffer.concat(parts));
    expected += answers;
    await c.until(() => c.messages.slice(from).filter((m) => m.type === 'Z' || m.type === 'G').length >= expected, `${expected} answers`, 5000);
  }
  const said = c.messages.slice(from).map((m) => `${describe(m)} ${m.body.length}`);
  c.send(front.terminate());
  await c.ended();
  const connection = server.connections.at(-1);
  for (let i = 0; i < 200 && !connection.closed; i += 1) await sleep(5);
  const reached = Buffer.concat(connection.received.filter((m) => m.type !== 'X').map((m) => message(m.type, m.body))).toString('latin1');
  assert.doesNotMatch(reached, /secrets/);
  return { said, reached: said.some((s) => s.startsWith('error')) ? 'has an error' : reached };
}

const whole = (c, bytes) => c.send(bytes);
const byByte = (c, bytes) => c.dribble(bytes);
const cutAt = (at) => async (c, bytes) => {
  if (at >= bytes.length) { c.send(bytes); return; }
  c.send(bytes.subarray(0, at));
  await sleep(1);
  c.send(bytes.subarray(at));
};

for (const [name, steps] of Object.entries(conversations)) {
  test(`${name}: the same whole, byte by byte, and cut anywhere`, async (scope) => {
    const { login, server } = await behind(scope);
    const expected = await play(await login(), server, steps, whole);
    assert.deepEqual(await play(await login(), server, steps, byByte), expected);
    const longest = Math.max(...steps.map(([parts]) => Buffer.concat(parts).length));
    for (let at = 1; at < longest; at += 1)
      assert.deepEqual(await play(await login(), server, steps, cutAt(at)), expected, `cut at ${at}`);
  });
}

test('a start-up packet cut anywhere is the same start-up packet', async (scope) => {
  const { open, server } = await behind(scope);
  const packet = front.startup({ user: 'app', database: 'd', application_name: 'cut' });
  for (let at = 1; at < packet.length; at += 1) {
    const c = await open();
    await cutAt(at)(c, packet);
    await c.next('Z', 0);
    assert.equal(server.connections.at(-1).parameters.application_name, 'cut');
    c.destroy();
  }
});

test('answers of the server cut anywhere, or byte by byte, are the same answers', async (scope) => {
  const reply = Buffer.concat([back.rowDescription('a', 'b'), back.row('1', 'x'.repeat(50)), back.notice('n'), back.row('2', ''),
    back.parameter('k', 'v'), back.complete('SELECT 2'), back.ready()]);
  const cuts = [];
  const answer = (m, c) => {
    if (m.type !== 'Q') return standardAnswer(m, c);
    const at = cuts.shift();
    (async () => {
      if (at === 0) for (const b of reply) { c.socket.write(Buffer.from([b])); await new Promise(setImmediate); }
      else { c.socket.write(reply.subarray(0, at)); await sleep(1); c.socket.write(reply.subarray(at)); }
    })();
    return undefined;
  };
  const { login } = await behind(scope, { answer });
  const c = await login();
  for (let at = 0; at < reply.length; at += 1) {
    cuts.push(at);
    const got = await c.ask(front.query('SELECT 1'));
    assert.deepEqual(Buffer.concat(got.map((m) => message(m.type, m.body))), reply, `cut at ${at}`);
  }
});
