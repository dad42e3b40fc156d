// What must hold when a process, a disk or the server fails: nothing runs without its approval,
// nothing runs twice, everybody is told, and what is left works.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import { join } from 'node:path';
import { nodeClient, refused } from '../lib/clients.mjs';
import { Gateway } from '../lib/gateway.mjs';
import { IS_ROOT, freePort, run, sleep, tempDir, test, until } from '../lib/harness.mjs';
import { Postgres } from '../lib/postgres.mjs';
import { RawClient, front } from '../lib/pgwire.mjs';

const pg = await Postgres.start();
const gateway = (scope, options) => Gateway.start(scope, { upstream: pg.upstream, ...options });
const connect = (scope, g) => nodeClient(scope, { host: '127.0.0.1', port: g.port, user: 'app', database: pg.database });
const works = async (scope, g) => assert.equal((await (await connect(scope, g)).query('SELECT 1 AS x')).rows[0].x, 1);

test('L3: a worker killed while it holds: the request is withdrawn, nothing ran, a new worker serves', async (scope) => {
  const g = await gateway(scope);
  const client = await connect(scope, g);
  const held = refused(client.query('DELETE FROM orders WHERE id = 1'));
  const { id } = await g.pending();
  const [worker] = g.children().worker;
  process.kill(worker, 'SIGKILL');
  await held; // the connection ends
  await g.reaches(id, 'withdrawn');
  assert.equal((await g.vote('approve', id)).status, 409);
  assert.equal(await pg.timesRun('DELETE FROM orders WHERE id = 1'), 0);
  await until(() => g.children().worker.some((p) => p !== worker), 'a new worker');
  await until(() => connect(scope, g).then(() => true, () => false), 'the new worker to serve');
  await works(scope, g);
});

test('S18: a worker that dies takes only its own sessions with it', async (scope) => {
  const g = await gateway(scope, { workers: 2 });
  const clients = await Promise.all(Array.from({ length: 8 }, () => connect(scope, g)));
  process.kill(g.children().worker[0], 'SIGKILL');
  const outcomes = await until(async () => {
    const all = await Promise.all(clients.map((c) => c.query('SELECT 1').then(() => 'alive', () => 'gone')));
    return all.includes('gone') && all;
  }, 'sessions of the dead worker to end');
  assert.ok(outcomes.includes('alive'), 'some sessions were on the other worker');
});

test('L3: a broker killed while a request waits comes back with it, and the approval still releases', async (scope) => {
  const g = await gateway(scope);
  const client = await connect(scope, g);
  const held = client.query("UPDATE orders SET status = 'survived' WHERE id = 2");
  const { id, digest } = await g.pending();
  process.kill(g.children().broker[0], 'SIGKILL');
  await until(() => g.answers(), 'the broker to come back');
  const again = await g.pending();
  assert.equal(again.id, id);
  assert.equal(again.digest, digest);
  assert.equal(await pg.timesRun("'survived'"), 0);
  await g.approve(id);
  assert.equal((await held).rowCount, 1);
  await g.reaches(id, 'completed');
  assert.equal(await pg.timesRun("'survived'"), 1);
  assert.equal((await g.auditVerify()).status, 0);
});

test('S12: while the broker is away what needs it is refused with ZC004, and the rest runs', async (scope) => {
  const g = await gateway(scope);
  const client = await connect(scope, g);
  const [broker] = g.children().broker;
  g.process.kill('SIGSTOP'); // nobody brings it back meanwhile
  scope.defer(() => g.process.kill('SIGCONT'));
  process.kill(broker, 'SIGKILL');
  assert.equal((await client.query('SELECT 1 AS x')).rows[0].x, 1);
  const error = await refused(client.query('DELETE FROM orders WHERE id = 3'));
  assert.equal(error.code, 'ZC004');
  assert.equal((await client.query('SELECT 1 AS x')).rows[0].x, 1);
  assert.equal(await pg.timesRun('DELETE FROM orders WHERE id = 3'), 0);
  g.process.kill('SIGCONT');
});

test('S3: kill -9 of the broker around an approval, many times: run at most once, and only if approved', async (scope) => {
  const g = await gateway(scope);
  for (let i = 0; i < 6; i += 1) {
    const client = await connect(scope, g);
    const text = `UPDATE orders SET total = total + 1 WHERE id = 4 /* round ${i} */`;
    const held = client.query(text).then(() => 'ran', (e) => e.code);
    const { id } = await g.pending();
    const approving = g.vote('approve', id).catch(() => ({ status: 0 }));
    await sleep(i * 4);
    for (const pid of g.children().broker) process.kill(pid, 'SIGKILL');
    const approved = (await approving).status === 200;
    await until(() => g.answers(), 'the broker to come back');
    if (await g.state(id) === 'pending') await g.reject(id, 'not recorded');
    const outcome = await held;
    const times = await pg.timesRun(`round ${i}`);
    assert.ok(times <= 1, `ran ${times} times`);
    if (outcome === 'ran') assert.equal(times, 1);
    if (times === 1) assert.ok(/approved|completed|running|unknown/.test(await g.state(id)), `${await g.state(id)}, acknowledged: ${approved}`);
    await client.end().catch(() => {});
  }
  assert.equal((await g.auditVerify()).status, 0);
});

test('everything killed and started again: what waited is withdrawn or expired, never run', async (scope) => {
  const g = await gateway(scope);
  const client = await connect(scope, g);
  const held = refused(client.query('DELETE FROM orders WHERE id = 5'));
  const { id } = await g.pending();
  const { broker, worker } = g.children();
  for (const pid of [g.process.pid, ...broker, ...worker]) process.kill(pid, 'SIGKILL');
  await g.exited;
  await held;
  g.status = undefined;
  g.launch();
  await g.listening();
  await until(async () => /withdrawn|expired/.test(await g.state(id)), 'the old request to end', 20000);
  assert.equal((await g.vote('approve', id)).status, 409);
  assert.equal(await pg.timesRun('DELETE FROM orders WHERE id = 5'), 0);
  assert.equal((await g.auditVerify()).status, 0);
});

test('a keeper that is killed leaves no process behind', async (scope) => {
  const g = await gateway(scope, { workers: 2 });
  const { broker, worker } = g.children();
  g.process.kill('SIGKILL');
  await g.exited;
  for (const pid of [...broker, ...worker])
    await until(() => { try { process.kill(pid, 0); return false; } catch { return true; } }, `process ${pid} to end`, 15000);
});

test('L6: a full disk under the log refuses what would have to be recorded; freed, it works again', async (scope) => {
  assert.ok(IS_ROOT, 'this test needs root to mount a small file system');
  const dir = tempDir(scope);
  mkdirSync(join(dir, 'small'));
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=256k,mode=755', 'tmpfs', join(dir, 'small')]);
  scope.defer(() => execFileSync('umount', ['-l', join(dir, 'small')]));
  const running = await Gateway.start(scope, { upstream: pg.upstream, dir, audit: join(dir, 'small/audit') });
  const client = await connect(scope, running);
  writeFileSync(join(dir, 'small/ballast'), Buffer.alloc(1024));
  try { writeFileSync(join(dir, 'small/fill'), Buffer.alloc(512 * 1024)); } catch { /* full, as wanted */ }
  const error = await refused(client.query('DELETE FROM orders WHERE id = 6'));
  assert.equal(error.code, 'ZC004');
  assert.equal((await client.query('SELECT 1 AS x')).rows[0].x, 1);
  assert.equal(await pg.timesRun('DELETE FROM orders WHERE id = 6'), 0);
  execFileSync('rm', ['-f', join(dir, 'small/fill'), join(dir, 'small/ballast')]);
  const again = await until(async () => {
    const held = client.query("UPDATE orders SET status = 'after the full disk' WHERE id = 6").then(() => 'ran', (e) => e.code);
    const first = await Promise.race([held, running.pending(1, 3000).catch(() => null)]);
    return first !== 'ZC004' && { held, request: first };
  }, 'the gateway to hold again', 20000);
  await running.approve(again.request.id);
  assert.equal(await again.held, 'ran');
  assert.equal((await running.auditVerify()).status, 0);
});

test('a log that fills up between submission and approval: the approval does not count, nothing runs', async (scope) => {
  assert.ok(IS_ROOT, 'this test needs root to mount a small file system');
  const dir = tempDir(scope);
  mkdirSync(join(dir, 'small'));
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=256k,mode=755', 'tmpfs', join(dir, 'small')]);
  scope.defer(() => execFileSync('umount', ['-l', join(dir, 'small')]));
  const g = await Gateway.start(scope, { upstream: pg.upstream, dir, audit: join(dir, 'small/audit') });
  const client = await connect(scope, g);
  const held = refused(client.query('DELETE FROM orders WHERE id = 7'));
  const { id } = await g.pending();
  try { writeFileSync(join(dir, 'small/fill'), Buffer.alloc(512 * 1024)); } catch { /* full, as wanted */ }
  const vote = await g.vote('approve', id, 'r'.repeat(4000));
  assert.notEqual(vote.status, 200);
  await sleep(500);
  assert.equal(await pg.timesRun('DELETE FROM orders WHERE id = 7'), 0);
  execFileSync('rm', ['-f', join(dir, 'small/fill')]);
  await client.end().catch(() => {});
  await held;
});

test('a server that is down: a clear error to the client, and service again when it is back', async (scope) => {
  const upstream = { host: '127.0.0.1', port: await freePort() };
  const g = await Gateway.start(scope, { upstream });
  const r = await run('psql', ['-XAtq', `host=127.0.0.1 port=${g.port} user=app dbname=${pg.database}`, '-c', 'SELECT 1']);
  assert.equal(r.status, 2);
  assert.match(r.err, /FATAL/);
  assert.match(r.err, /connect|reach|refused/i);
  const relay = net.createServer((a) => {
    const b = net.connect(pg.port, '127.0.0.1');
    a.pipe(b).pipe(a);
    a.on('error', () => b.destroy());
    b.on('error', () => a.destroy());
  });
  await new Promise((done) => { relay.listen(upstream.port, '127.0.0.1', done); });
  scope.defer(() => relay.close());
  const back = await run('psql', ['-XAtq', `host=127.0.0.1 port=${g.port} user=app dbname=${pg.database}`, '-c', 'SELECT 1']);
  assert.equal(back.out.trim(), '1', back.err);
});

test('a server that vanishes while an approved statement runs: unknown, and never run again', async (scope) => {
  const own = await Postgres.start({ own: true });
  const g = await Gateway.start(scope, { upstream: own.upstream });
  const client = await nodeClient(scope, { host: '127.0.0.1', port: g.port, user: 'app', database: own.database });
  const held = refused(client.query("UPDATE orders SET status = pg_sleep(20)::text WHERE id = 8"));
  const { id } = await g.pending();
  await g.approve(id);
  await g.reaches(id, 'running');
  await until(async () => (await own.timesRun('pg_sleep(20)')) === 1, 'the statement to run');
  own.restart();
  await held;
  await until(async () => /unknown|failed/.test(await g.state(id)), 'the request to end');
  assert.equal(await own.timesRun('pg_sleep(20)'), 1);
  const fresh = await nodeClient(scope, { host: '127.0.0.1', port: g.port, user: 'app', database: own.database });
  assert.equal((await fresh.query('SELECT 1 AS x')).rows[0].x, 1);
  assert.equal(await own.timesRun('pg_sleep(20)'), 1);
});

test('a server that ends sessions while one is held: the client is told, the request withdrawn', async (scope) => {
  const own = await Postgres.start({ own: true });
  const g = await Gateway.start(scope, { upstream: own.upstream });
  const client = await nodeClient(scope, { host: '127.0.0.1', port: g.port, user: 'app', database: own.database });
  const held = refused(client.query('DELETE FROM orders WHERE id = 9'));
  const { id } = await g.pending();
  own.restart('fast');
  await held;
  await g.reaches(id, 'withdrawn');
  assert.equal(await own.timesRun('DELETE FROM orders WHERE id = 9'), 0);
});

test('L4: two thousand connections that say nothing do not keep others out', async (scope) => {
  const g = await gateway(scope);
  const sockets = [];
  scope.defer(() => sockets.forEach((s) => s.destroy()));
  for (let i = 0; i < 2000; i += 100) {
    const batch = Array.from({ length: 100 }, () => new Promise((done) => {
      const s = net.connect(g.port, '127.0.0.1', done);
      s.on('error', done);
      sockets.push(s);
    }));
    await Promise.all(batch);
  }
  await works(scope, g);
});

test('L4: a client that floods behind its held statement is not read without bound', async (scope) => {
  const g = await gateway(scope);
  const [worker] = g.children().worker;
  const resident = () => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${worker}/status`, 'utf8'))[1]);
  const c = await RawClient.connect({ port: g.port, host: '127.0.0.1' });
  scope.defer(() => c.destroy());
  await c.startup({ user: 'app', database: pg.database });
  c.send(front.query('DELETE FROM orders WHERE id = 10'));
  const { id } = await g.pending();
  const before = resident();
  const chunk = Buffer.concat(Array(1000).fill(front.query(`SELECT '${'q'.repeat(1000)}'`)));
  for (let i = 0; i < 40; i += 1) c.socket.write(chunk);
  await sleep(1500);
  assert.ok(resident() - before < 4 * 1024, `grew by ${resident() - before} KiB`);
  await g.reject(id, 'flood');
  await c.until(() => c.messages.some((m) => m.type === 'E'), 'the refusal');
});
