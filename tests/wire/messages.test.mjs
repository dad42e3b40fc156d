// Messages after start-up: the malformed, the unknown, the too long, from either side.
import assert from 'node:assert/strict';
import { test } from '../lib/harness.mjs';
import { back, describe, fields, front, message, u16, u32 } from '../lib/pgwire.mjs';
import { greeting, standardAnswer } from '../lib/fake-server.mjs';
import { behind, othersAreServed, quiet } from '../lib/wire.mjs';

const SELECT = front.query('SELECT 1');
const errors = (c) => c.messages.filter((m) => m.type === 'E').map((m) => fields(m.body).C);

test('a routine conversation reaches the server byte for byte and comes back byte for byte', async (scope) => {
  const { login, server } = await behind(scope);
  const c = await login();
  const sent = [front.query("SELECT '\u00e9', 1 -- x"), front.parse('s', 'SELECT $1', [25]), front.bind('p', 's', [Buffer.from([0, 255]), null], [1, 0], [1]),
    front.describe('S', 's'), front.describe('P', 'p'), front.execute('p', 7), front.close('P', 'p'), front.close('S', 's'), front.flush(), front.sync()];
  const from = c.messages.length;
  c.send(...sent);
  await c.until(() => c.messages.slice(from).filter((m) => m.type === 'Z').length === 2, 'both answers');
  const got = server.received.map((m) => message(m.type, m.body));
  assert.deepEqual(Buffer.concat(got), Buffer.concat(sent));
});

const malformed = {
  'an unknown message': message('z', 'abc'),
  'a message only a server sends': message('T', u16(0)),
  'a password after start-up': front.password('secret'),
  'a length below 4': Buffer.concat([Buffer.from('Q'), u32(3)]),
  'a length of 0': Buffer.concat([Buffer.from('Q'), u32(0)]),
  'a Query of 2 GB': Buffer.concat([Buffer.from('Q'), u32(0x7fffffff)]),
  'a Query of 4 GB': Buffer.concat([Buffer.from('Q'), u32(0xffffffff)]),
  'a Sync with a body': message('S', 'x'),
  'a Flush with a body': message('H', 'x'),
  'a Query without its end': message('Q', 'DELETE FROM t'),
  'a Query with a NUL inside': message('Q', 'SELECT 1\0DELETE FROM t\0'),
  'an empty Query message': message('Q'),
  'a Parse without its end': message('P', 's\0DELETE FROM t'),
  'a Parse with types missing': message('P', 's\0SELECT 1\0', u16(3), u32(25)),
  'a Parse with bytes left over': message('P', 's\0SELECT 1\0', u16(0), 'more'),
  'a Bind with fewer values than it says': message('B', 'p\0s\0', u16(0), u16(2), u32(1), 'a'),
  'a Bind with a value longer than the message': message('B', 'p\0s\0', u16(0), u16(1), u32(100), 'a', u16(0)),
  'a Bind with a length of -2': message('B', 'p\0s\0', u16(0), u16(1), u32(0xfffffffe), u16(0)),
  'a Bind with a length of 2^31': message('B', 'p\0s\0', u16(0), u16(1), u32(0x80000000), u16(0)),
  'a Bind with bytes left over': message('B', 'p\0s\0', u16(0), u16(0), u16(0), 'x'),
  'a Bind with two formats for one value': message('B', 'p\0s\0', u16(2), u16(0), u16(0), u16(1), u32(1), 'a', u16(0)),
  'a Bind with a format of 2': message('B', 'p\0s\0', u16(1), u16(2), u16(1), u32(1), 'a', u16(0)),
  'a Describe of neither kind': message('D', 'Xs\0'),
  'a Describe without its end': message('D', 'Ss'),
  'a Close of neither kind': message('C', 'Xs\0'),
  'an Execute without its count': message('E', 'p\0'),
  'an Execute with bytes left over': message('E', 'p\0', u32(0), 'x'),
  'a FunctionCall cut short': message('F', u32(1), u16(0), u16(1)),
};

for (const [name, bytes] of Object.entries(malformed)) {
  test(`S5: ${name}: an error for its sender, nothing of it for the server, and others are served`, async (scope) => {
    const { login, server } = await behind(scope);
    const c = await login();
    await c.ask(SELECT);
    const before = server.received.length;
    c.send(bytes);
    await c.until(() => errors(c).length > 0 || c.closed, 'an error');
    await quiet();
    assert.ok(errors(c).every((code) => /^(08P01|54000|26000|34000)$/.test(code)), errors(c).join());
    const reached = server.received.slice(before).filter((m) => !'SX'.includes(m.type));
    assert.deepEqual(reached.map((m) => m.type), []);
    assert.ok(await othersAreServed(login, SELECT));
  });
}

test('a message beyond the limit is refused from its header alone: its sender need not send the rest', async (scope) => {
  const { login } = await behind(scope);
  const c = await login();
  c.send(Buffer.concat([Buffer.from('Q'), u32(200 * 1024 * 1024)]), Buffer.from('SELECT 1'));
  await c.until(() => errors(c).length > 0 || c.closed, 'an error', 3000);
  assert.ok(errors(c).every((code) => /^(08P01|54000)$/.test(code)));
});

test('nothing behind Terminate is read: the session is over', async (scope) => {
  const { login, server } = await behind(scope);
  const c = await login();
  c.send(front.terminate(), front.query('DELETE FROM t'), front.parse('', 'DELETE FROM t'));
  await c.ended();
  await quiet();
  assert.deepEqual(server.queries(), []);
  assert.ok(server.received.every((m) => m.type === 'X'));
});

test('a Query before start-up is complete reaches nobody', async (scope) => {
  const { open, server } = await behind(scope, { greeting: () => back.authCleartext() });
  const c = await open();
  c.send(front.startup({ user: 'app', database: 'd' }));
  await c.next('R', 0);
  c.send(front.query('DELETE FROM t'));
  await c.until(() => c.closed || c.messages.some((m) => m.type === 'E'), 'the end');
  await quiet();
  assert.deepEqual(server.queries(), []);
});

test('a pipeline of a thousand statements in one write is answered in order', async (scope) => {
  const answer = (m, c) => (m.type === 'Q' ? Buffer.concat([back.complete(`TAG ${m.body.toString('latin1', 7, m.body.length - 1)}`), back.ready()]) : standardAnswer(m, c));
  const { login } = await behind(scope, { answer });
  const c = await login();
  c.messages.length = 0;
  c.send(...Array.from({ length: 1000 }, (_, i) => front.query(`SELECT ${i}`)));
  await c.until(() => c.messages.length === 2000, 'all answers');
  assert.deepEqual(c.messages.filter((m) => m.type === 'C').map(describe), Array.from({ length: 1000 }, (_, i) => `complete TAG ${i}`));
});

const fromServer = {
  'an unknown message': message('?', 'abc'),
  'a length below 4': Buffer.concat([Buffer.from('D'), u32(2)]),
  'a ReadyForQuery of a state that does not exist': message('Z', 'Q'),
  'a ReadyForQuery too long': message('Z', 'II'),
  'a ReadyForQuery nobody asked for': Buffer.concat([back.complete('X'), back.ready(), back.ready(), back.ready()]),
  'a second BackendKeyData': Buffer.concat([back.keyData(1, 2), back.complete('X'), back.ready()]),
  'an authentication request in the middle': Buffer.concat([back.authCleartext(), back.ready()]),
  'a ParseComplete nobody asked for': Buffer.concat([back.parseComplete(), back.complete('X'), back.ready()]),
};

for (const [name, bytes] of Object.entries(fromServer)) {
  test(`S8: ${name} from the server: where the model no longer holds the session ends, and others are served`, async (scope) => {
    const answer = (m, c) => (m.body.includes('poison') ? bytes : standardAnswer(m, c));
    const { login } = await behind(scope, { answer });
    const c = await login();
    c.send(front.query('SELECT poison'));
    await c.ended();
    assert.ok(await othersAreServed(login, SELECT));
  });
}

test('a server that closes in the middle of a row: the client gets what came, and the end', async (scope) => {
  const answer = (m, c) => {
    c.send(back.rowDescription('x'), back.row('first'), back.row('second').subarray(0, 9));
    setTimeout(() => c.socket.destroy(), 50);
  };
  const { login } = await behind(scope, { answer });
  const c = await login();
  c.send(SELECT);
  await c.ended();
  assert.ok(c.messages.some((m) => m.type === 'D' && m.body.includes('first')));
});

test("a server's own FATAL error reaches the client word for word", async (scope) => {
  const fatal = back.error('57P01', 'terminating connection due to administrator command', 'FATAL');
  const { login } = await behind(scope, { answer: (m, c) => { c.send(fatal); c.socket.end(); } });
  const c = await login();
  c.send(SELECT);
  await c.ended();
  assert.deepEqual(errors(c), ['57P01']);
});

test('a server that refuses the login: its own error reaches the client', async (scope) => {
  const { open } = await behind(scope, { greeting: (c) => { setTimeout(() => c.socket.end(), 20); return back.error('3D000', 'database "d" does not exist', 'FATAL'); } });
  const c = await open();
  c.send(front.startup({ user: 'app', database: 'd' }));
  await c.ended();
  assert.deepEqual(errors(c), ['3D000']);
});

test('notices and parameter changes of the server pass at any time', async (scope) => {
  const { login, server } = await behind(scope);
  const c = await login();
  (await server.connection()).send(back.notice('by the way'), back.parameter('TimeZone', 'UTC'), back.notification(1, 'ch', 'p'));
  await c.until(() => ['N', 'S', 'A'].every((t) => c.messages.slice(6).some((m) => m.type === t)), 'all three');
  await c.ask(SELECT);
});

test('a server with a changed backend key is the one that its client cancels', async (scope) => {
  const { login } = await behind(scope, { greeting: (c) => greeting(c) });
  const [a, b] = [await login(), await login()];
  assert.notDeepEqual(a.key().secret, b.key().secret);
});
