// S1: while a statement is held nothing of it is at the server; what is released is byte for byte
// what was shown; what follows waits its turn.
import assert from 'node:assert/strict';
import { test } from '../lib/harness.mjs';
import { back, describe, fields, front, message, sleep } from '../lib/pgwire.mjs';
import { behind, quiet } from '../lib/wire.mjs';

const DELETE = front.query('DELETE FROM orders WHERE id = 1');
const words = (messages) => messages.filter((m) => m.type !== 'N').map(describe);
const typesOf = (server) => server.received.map((m) => m.type).join('');

test('S1: nothing of a held Query reaches the server before its approval, then exactly its bytes do', async (scope) => {
  const { g, login, server } = await behind(scope);
  const c = await login();
  c.send(DELETE);
  const { id } = await g.pending();
  await quiet();
  assert.equal(server.received.length, 0);
  const from = c.messages.length;
  await g.approve(id);
  await c.next('Z', from);
  assert.deepEqual(server.received.map((m) => message(m.type, m.body)), [DELETE]);
});

test('S1: of a held Execute the Parse may have gone before, the Execute has not', async (scope) => {
  const { g, login, server } = await behind(scope);
  const c = await login();
  c.send(front.parse('', 'DELETE FROM orders WHERE id = $1'), front.bind('', '', ['1']), front.execute(''), front.sync());
  const { id } = await g.pending();
  await quiet();
  assert.doesNotMatch(typesOf(server), /[ES]/);
  const from = c.messages.length;
  await g.approve(id);
  await c.next('Z', from);
  assert.equal(typesOf(server).replaceAll('H', ''), 'PBES');
});

test('S4: after a rejection nothing of the statement ever reaches the server, and what waited behind does', async (scope) => {
  const { g, login, server } = await behind(scope);
  const c = await login();
  c.send(DELETE, front.query('SELECT 1'), front.query('SELECT 2'));
  const { id } = await g.pending();
  await quiet();
  assert.equal(server.received.length, 0);
  const from = c.messages.length;
  await g.reject(id, 'no');
  await c.until(() => c.messages.slice(from).filter((m) => m.type === 'Z').length === 3, 'three answers');
  assert.deepEqual(words(c.messages.slice(from)), ['error ZC002', 'ready I',
    'row description', 'row', 'complete SELECT 1', 'ready I', 'row description', 'row', 'complete SELECT 1', 'ready I']);
  assert.deepEqual(server.queries(), ['SELECT 1', 'SELECT 2']);
});

test('in the extended protocol a rejection skips to Sync, and the statement after the Sync runs', async (scope) => {
  const { g, login, server } = await behind(scope);
  const c = await login();
  const from = c.messages.length;
  c.send(front.parse('', 'DELETE FROM orders'), front.bind('', ''), front.execute(''),
    front.parse('x', 'SELECT 1'), front.bind('', 'x'), front.execute(''), front.sync(), front.query('SELECT 2'));
  await g.reject((await g.pending()).id, 'no');
  await c.until(() => c.messages.slice(from).filter((m) => m.type === 'Z').length === 2, 'two answers');
  assert.deepEqual(words(c.messages.slice(from)), ['error ZC002', 'ready I', 'row description', 'row', 'complete SELECT 1', 'ready I']);
  assert.ok(!server.received.some((m) => m.type === 'E'));
});

test('the server is answered and answers while a statement is held: its notices and notifications pass', async (scope) => {
  const { g, login, server } = await behind(scope);
  const c = await login();
  c.send(DELETE);
  const { id } = await g.pending();
  (await server.connection()).send(back.notification(7, 'news', 'now'), back.notice('from the server'), back.parameter('TimeZone', 'X'));
  await c.until(() => c.messages.some((m) => m.type === 'A') && c.messages.some((m) => m.type === 'N' && fields(m.body).M === 'from the server'), 'the notification and the notice');
  await g.reject(id, 'x');
  await c.next('Z', 6);
});

test('the NOTICE of a hold is one well-formed NoticeResponse that names the request', async (scope) => {
  const { g, login } = await behind(scope);
  const c = await login();
  c.send(DELETE);
  const [notice] = (await c.next('N', 6)).slice(-1);
  const said = fields(notice.body);
  const { id } = await g.pending();
  assert.equal(said.S, 'NOTICE');
  assert.equal(said.V, 'NOTICE');
  assert.equal(said.C.length, 5);
  assert.match([said.M, said.D, said.H].join(' '), new RegExp(`\\b${id}\\b`));
  await g.reject(id, 'x');
});

test('CopyData behind a held COPY waits with it and reaches the server in order after the approval', async (scope) => {
  const { g, login, server } = await behind(scope);
  const c = await login();
  const data = [front.copyData('1\tnew\t1\n'), front.copyData('2\tnew\t2\n'), front.copyDone()];
  c.send(front.query('COPY orders FROM STDIN'), ...data);
  const { id } = await g.pending();
  await quiet();
  assert.equal(server.received.length, 0);
  const from = c.messages.length;
  await g.approve(id);
  await c.next('Z', from);
  assert.deepEqual(server.received.map((m) => m.type), ['Q', 'd', 'd', 'c']);
});

test('CopyData behind a rejected COPY is dropped, as the server drops it, and the session goes on', async (scope) => {
  const { g, login, server } = await behind(scope);
  const c = await login();
  c.send(front.query('COPY orders FROM STDIN'), front.copyData('1\tnew\t1\n'), front.copyDone());
  const from = c.messages.length;
  await g.reject((await g.pending()).id, 'no');
  await c.next('Z', from);
  await c.ask(front.query('SELECT 1'));
  assert.deepEqual(server.queries(), ['SELECT 1']);
});

test('L5: a client that closes its sending side while held gives up: withdrawn, nothing sent', async (scope) => {
  const { g, login, server } = await behind(scope);
  for (const leave of [(s) => s.end(), (s) => s.resetAndDestroy?.() ?? s.destroy()]) {
    const c = await login();
    c.send(DELETE);
    const { id } = await g.pending();
    leave(c.socket);
    await g.reaches(id, 'withdrawn');
  }
  assert.deepEqual(server.queries(), []);
});

test('Terminate and close while held, as a client that quits does: withdrawn, and the server session ends', async (scope) => {
  const { g, login, server } = await behind(scope);
  const c = await login();
  c.send(DELETE);
  const { id } = await g.pending();
  c.send(front.terminate());
  c.socket.end();
  await g.reaches(id, 'withdrawn');
  for (let i = 0; i < 100 && !server.connections[0].closed; i += 1) await sleep(20);
  assert.ok(server.connections[0].closed);
  assert.deepEqual(server.queries(), []);
});

test('S3: an approval releases once, however often and however fast it is given', async (scope) => {
  const { g, login, server } = await behind(scope);
  const c = await login();
  c.send(DELETE);
  const { id } = await g.pending();
  const { digest } = await g.show(id);
  const votes = await Promise.all(Array.from({ length: 12 }, () => g.http('POST', `/v1/requests/${id}/approve`, { body: { digest } })));
  await c.next('Z', 6);
  await quiet();
  assert.equal(votes.filter((v) => v.status === 200).length, 1);
  assert.equal(server.queries().length, 1);
});

test('S3: approve, reject and Ctrl-C at once: one outcome, and the server agrees with it', async (scope) => {
  const { g, login, open, server } = await behind(scope);
  for (let round = 0; round < 8; round += 1) {
    const c = await login();
    const from = c.messages.length;
    c.send(front.query(`DELETE FROM orders WHERE id = ${1000 + round}`));
    const { id } = await g.pending();
    const { pid, secret } = c.key();
    const cancel = open().then((d) => { d.send(front.cancel(pid, secret)); return d.ended(); });
    const [yes, no] = await Promise.all([g.vote('approve', id), g.vote('reject', id, 'race'), cancel]);
    const answer = words(await c.next('Z', from));
    await quiet();
    const ran = server.queries().some((q) => q.includes(`id = ${1000 + round}`));
    const state = await g.state(id);
    assert.equal(ran, answer.includes('complete DELETE 1') || state === 'completed', `${answer} ${state}`);
    if (ran) assert.equal(yes.status, 200);
    assert.ok(!(yes.status === 200 && no.status === 200), 'both votes counted');
    c.destroy();
  }
});

test('L7: Ctrl-C on a held statement is answered by the gateway; the server hears of no cancel', async (scope) => {
  const { g, login, open, server } = await behind(scope);
  const c = await login();
  const from = c.messages.length;
  c.send(DELETE);
  const { id } = await g.pending();
  const { pid, secret } = c.key();
  (await open()).send(front.cancel(pid, secret));
  assert.deepEqual(words(await c.next('Z', from)), ['error 57014', 'ready I']);
  await g.reaches(id, 'withdrawn');
  await quiet();
  assert.ok(!server.connections.some((s) => s.cancel));
});

test('S6: a statement too long for an approver to be shown whole is refused, not cut', async (scope) => {
  const { login, server } = await behind(scope);
  const c = await login();
  const from = c.messages.length;
  c.send(front.query(`DELETE FROM orders WHERE id = 1 /* ${'x'.repeat(5 * 1024 * 1024)} */`));
  const answer = words(await c.next('Z', from));
  assert.match(answer[0], /^error (ZC004|54000)$/);
  assert.equal(server.received.length, 0);
});
