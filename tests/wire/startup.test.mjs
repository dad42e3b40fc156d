// The first packets of a connection, good and hostile.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import tls from 'node:tls';
import { ROOT, run, tempDir, test } from '../lib/harness.mjs';
import { describe, fields, front, sleep, u32 } from '../lib/pgwire.mjs';
import { behind, quiet } from '../lib/wire.mjs';

const USER = { user: 'app', database: 'd' };
const errorOf = (c) => fields(c.messages.find((m) => m.type === 'E')?.body ?? Buffer.alloc(0));

async function certificate(scope) {
  const dir = tempDir(scope);
  const made = await run('bash', ['-c', '. scripts/lib.sh; make_certificates "$1"', 'lib', dir], { cwd: ROOT });
  assert.equal(made.status, 0, made.err);
  return `client_tls: allow\ntls_cert: ${join(dir, 'server.crt')}\ntls_key: ${join(dir, 'server.key')}`;
}

test('S9: GSSENCRequest is answered N, always, and the client may go on in plain text', async (scope) => {
  const { open, server } = await behind(scope);
  const c = await open();
  assert.equal(await c.answerByte(front.gssRequest()), 'N');
  await c.startup(USER);
  assert.equal((await server.connection()).parameters.user, 'app');
});

test('SSLRequest is answered N where there is no certificate, and S where there is one', async (scope) => {
  const plain = await behind(scope);
  const c = await plain.open();
  assert.equal(await c.answerByte(front.sslRequest()), 'N');
  await c.startup(USER);
  const encrypted = await behind(scope, { resource: await certificate(scope) });
  const d = await encrypted.open();
  assert.equal(await d.answerByte(front.sslRequest()), 'S');
  const secure = tls.connect({ socket: d.socket, rejectUnauthorized: false });
  await new Promise((done, fail) => { secure.once('secureConnect', done); secure.once('error', fail); });
  secure.write(front.startup(USER));
  await encrypted.server.connection();
});

test('S9: GSSENCRequest, then SSLRequest, then start-up: each answered once', async (scope) => {
  const { open } = await behind(scope);
  const c = await open();
  assert.equal(await c.answerByte(front.gssRequest()), 'N');
  assert.equal(await c.answerByte(front.sslRequest()), 'N');
  await c.startup(USER);
});

test('S9: a second request for encryption of the same kind ends the connection', async (scope) => {
  const { open, server } = await behind(scope);
  for (const request of [front.sslRequest(), front.gssRequest()]) {
    const c = await open();
    await c.answerByte(request);
    c.send(request);
    await c.ended();
  }
  assert.equal(server.connections.length, 0);
});

test('S9: plain bytes behind an SSLRequest are never taken as part of the session', async (scope) => {
  const { open, server } = await behind(scope, { resource: await certificate(scope) });
  const c = await open();
  c.send(front.sslRequest(), front.startup({ user: 'injected', database: 'd' }), front.query('SELECT 1'));
  await c.ended();
  await quiet();
  assert.equal(server.connections.length, 0);
});

test('I9: duplicate parameters are refused before anything reaches the server', async (scope) => {
  const { open, server } = await behind(scope);
  for (const twice of ['user', 'database', 'options', 'application_name']) {
    const c = await open();
    c.send(front.startupPairs([['user', 'app'], ['database', 'd'], [twice, 'a'], [twice, 'b']]));
    await c.ended();
    assert.equal(errorOf(c).C, '08P01', twice);
  }
  assert.equal(server.connections.length, 0);
});

test('a start-up packet without a user is refused with 28000', async (scope) => {
  const { open, server } = await behind(scope);
  for (const parameters of [{ database: 'd' }, { user: '', database: 'd' }]) {
    const c = await open();
    c.send(front.startup(parameters));
    await c.ended();
    assert.equal(errorOf(c).C, '28000');
  }
  assert.equal(server.connections.length, 0);
});

test('lengths and shapes that no start-up packet has end the connection; nothing reaches the server', async (scope) => {
  const { open, server, login } = await behind(scope);
  const good = front.startup(USER);
  const wrong = {
    'length 0': u32(0),
    'length 4': u32(4),
    'length 7': Buffer.concat([u32(7), Buffer.from([0, 3, 0])]),
    'length 10001': Buffer.concat([u32(10001), u32(0x30000)]),
    'length 2^31': Buffer.concat([u32(0x80000000), u32(0x30000)]),
    'length 2^32-1': Buffer.concat([u32(0xffffffff), u32(0x30000)]),
    'no terminator': Buffer.concat([u32(8 + 9), u32(0x30000), Buffer.from('user\0app\0')]),
    'a name without value': Buffer.concat([u32(8 + 6), u32(0x30000), Buffer.from('user\0\0')]),
    'a value without its end': Buffer.concat([u32(8 + 8), u32(0x30000), Buffer.from('user\0app')]),
    'bytes behind the terminator': Buffer.concat([u32(good.length + 3), good.subarray(4), Buffer.from('abc')]),
    'only a version': Buffer.concat([u32(8), u32(0x30000)]),
    'HTTP': Buffer.from('GET / HTTP/1.1\r\nHost: x\r\n\r\n'),
    'TLS without a request': Buffer.from('16030100a5010000a10303', 'hex'),
  };
  for (const [name, bytes] of Object.entries(wrong)) {
    const c = await open();
    c.send(bytes);
    await c.ended().catch((e) => { throw new Error(`${name}: ${e.message}`); });
  }
  assert.equal(server.connections.length, 0);
  await login();
});

test('a name of a parameter as long as the packet may be is forwarded, one byte more is refused', async (scope) => {
  const { open, server } = await behind(scope);
  const base = front.startup({ ...USER, application_name: '' }).length;
  const c = await open();
  await c.startup({ ...USER, application_name: 'n'.repeat(10000 - base) });
  assert.equal((await server.connection()).parameters.application_name.length, 10000 - base);
  const d = await open();
  d.send(front.startup({ ...USER, application_name: 'n'.repeat(10001 - base) }));
  await d.ended();
});

test('protocol 2.0 and 4.0 are refused with the reason', async (scope) => {
  const { open, server } = await behind(scope);
  for (const version of [0x20000, 0x40000]) {
    const c = await open();
    c.send(front.startup(USER, version));
    await c.ended();
    assert.equal(errorOf(c).C, '0A000');
    assert.match(errorOf(c).M, /protocol/i);
  }
  assert.equal(server.connections.length, 0);
});

test('a client that asks for 3.2 and protocol options is told what there is, and served', async (scope) => {
  const { open } = await behind(scope);
  const c = await open();
  c.send(front.startup({ ...USER, '_pq_.shiny': '1' }, 0x30002));
  const said = (await c.next('Z', 0)).find((m) => m.type === 'v');
  assert.ok(said, 'no NegotiateProtocolVersion');
  assert.equal(said.body.readUInt32BE(0) & 0xffff, 0);
  assert.match(said.body.toString('latin1'), /_pq_\.shiny/);
  assert.deepEqual((await c.ask(front.query('SELECT 1'))).map(describe).at(-1), 'ready I');
});

test('parameters reach the server byte for byte, whatever is in them', async (scope) => {
  const { open, server } = await behind(scope);
  const odd = { user: 'app', database: 'D d"\'\\', application_name: '\u00e9\u202e', options: '-c search_path=a\\ b -c geqo=off' };
  const c = await open();
  await c.startup(odd);
  const { parameters } = await server.connection();
  assert.equal(parameters.database, Buffer.from(odd.database).toString('latin1'));
  assert.equal(parameters.options, odd.options);
});

test('a start-up packet that dribbles in byte by byte is served', async (scope) => {
  const { open, server } = await behind(scope);
  const c = await open();
  await c.dribble(Buffer.concat([front.gssRequest()]), 1, 2);
  await sleep(50);
  c.messages.length = 0;
  const d = await open();
  await d.dribble(front.startup(USER), 1, 2);
  await d.next('Z', 0);
  await server.connection();
});

test('L7: a cancel request with a key nobody has is closed without a word and reaches no server', async (scope) => {
  const { open, server, login } = await behind(scope);
  const c = await login();
  const { pid } = c.key();
  const before = server.connections.length;
  for (const secret of [0, 0x01020304, 0xffffffff]) {
    const d = await open();
    d.send(front.cancel(pid, secret));
    await d.ended();
    assert.equal(d.messages.length, 0);
  }
  await quiet();
  assert.equal(server.connections.length, before);
});

test('L7: a cancel request with the key of a session reaches the server with the key of the server', async (scope) => {
  const { open, server, login } = await behind(scope);
  const c = await login();
  const { pid, secret } = c.key();
  const own = await server.connection();
  assert.equal(pid, own.pid);
  assert.notEqual(secret.readUInt32BE(0), own.secret);
  const d = await open();
  d.send(front.cancel(pid, secret));
  await d.ended();
  for (let i = 0; i < 100 && !server.connections.some((s) => s.cancel); i += 1) await sleep(10);
  assert.deepEqual(server.connections.find((s) => s.cancel).cancel, { pid: own.pid, secret: own.secret });
});

test('cancel requests of other lengths are refused', async (scope) => {
  const { open, server } = await behind(scope);
  for (const bytes of [Buffer.concat([u32(8), u32(80877102)]), Buffer.concat([u32(12), u32(80877102), u32(1)]),
    front.cancel(1, Buffer.alloc(300))]) {
    const c = await open();
    c.send(bytes);
    await c.ended();
  }
  assert.equal(server.connections.length, 0);
});

test('a client that leaves before it said anything leaves nothing behind', async (scope) => {
  const { open, login, server } = await behind(scope);
  for (let i = 0; i < 50; i += 1) {
    const c = await open();
    if (i % 2) c.send(front.startup(USER).subarray(0, 9));
    c.destroy();
  }
  await login();
  assert.equal(server.connections.length, 1);
});

if (process.env.FULL === '1') {
  test('L4: a client that does not finish its start-up within a minute is closed', async (scope) => {
    const { open } = await behind(scope);
    const c = await open();
    c.send(front.startup(USER).subarray(0, 12));
    await c.ended(75000);
  }, 90000);
}
