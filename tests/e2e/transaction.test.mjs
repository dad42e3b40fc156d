// Refusals and releases inside a transaction block do what PostgreSQL's own errors and results do.
import assert from 'node:assert/strict';
import { nodeClient, refused } from '../lib/clients.mjs';
import { Gateway } from '../lib/gateway.mjs';
import { test } from '../lib/harness.mjs';
import { Postgres } from '../lib/postgres.mjs';
import { RawClient, describe, front } from '../lib/pgwire.mjs';

const pg = await Postgres.start();
const both = async (scope) => {
  const g = await Gateway.start(scope, { upstream: pg.upstream });
  return { g, client: await nodeClient(scope, { host: '127.0.0.1', port: g.port, user: 'app', database: pg.database }) };
};

test('a rejection fails the transaction: later statements get 25P02 and COMMIT rolls back', async (scope) => {
  const { g, client } = await both(scope);
  await client.query('BEGIN');
  await client.query("INSERT INTO notes (body) VALUES ('must vanish')");
  const held = refused(client.query('DELETE FROM orders WHERE id = 1'));
  const { id } = await g.pending();
  await g.reject(id, 'no');
  assert.equal((await held).code, 'ZC002');
  assert.equal((await refused(client.query('SELECT 1'))).code, '25P02');
  assert.equal((await client.query('COMMIT')).command, 'ROLLBACK');
  assert.equal(await pg.sql("SELECT count(*) FROM notes WHERE body = 'must vanish'"), '0');
  assert.equal((await client.query('SELECT 1 AS one')).rows[0].one, 1);
});

test('the transaction is failed upstream too: the server itself refuses what comes next', async (scope) => {
  const { client } = await both(scope);
  await client.query('BEGIN');
  assert.equal((await refused(client.query('SELECT * FROM secrets'))).code, 'ZC001');
  const state = await pg.sql(`SELECT state FROM pg_stat_activity WHERE datname = '${pg.database}' AND usename = 'app' AND pid <> pg_backend_pid()`);
  assert.match(state, /idle in transaction \(aborted\)/);
  await client.query('ROLLBACK');
});

test('ReadyForQuery after a refusal says the state of the transaction', async (scope) => {
  const g = await Gateway.start(scope, { upstream: pg.upstream });
  const c = await RawClient.connect({ port: g.port, host: '127.0.0.1' });
  scope.defer(() => c.destroy());
  await c.startup({ user: 'app', database: pg.database });
  assert.deepEqual((await c.ask(front.query('SELECT * FROM secrets'))).map(describe), ['error ZC001', 'ready I']);
  await c.ask(front.query('BEGIN'));
  assert.deepEqual((await c.ask(front.query('SELECT * FROM secrets'))).map(describe), ['error ZC001', 'ready E']);
  assert.deepEqual((await c.ask(front.query('COMMIT'))).map(describe), ['complete ROLLBACK', 'ready I']);
});

test('ROLLBACK TO SAVEPOINT takes a transaction back to before the refusal', async (scope) => {
  const { client } = await both(scope);
  await client.query('BEGIN');
  await client.query("INSERT INTO notes (body) VALUES ('kept')");
  await client.query('SAVEPOINT s');
  assert.equal((await refused(client.query('SELECT * FROM secrets'))).code, 'ZC001');
  await client.query('ROLLBACK TO SAVEPOINT s');
  assert.equal((await client.query('COMMIT')).command, 'COMMIT');
  assert.equal(await pg.sql("SELECT count(*) FROM notes WHERE body = 'kept'"), '1');
});

test('an approved statement runs inside the open transaction and goes with it', async (scope) => {
  const { g, client } = await both(scope);
  await client.query('BEGIN');
  const held = client.query('DELETE FROM orders WHERE id = 2');
  await g.approve((await g.pending()).id);
  assert.equal((await held).rowCount, 1);
  await client.query('ROLLBACK');
  assert.equal(await pg.sql('SELECT count(*) FROM orders WHERE id = 2'), '1');
});

test('Ctrl-C in a transaction fails it, as a cancelled statement does', async (scope) => {
  const { g, client } = await both(scope);
  await client.query('BEGIN');
  const held = refused(client.query('DELETE FROM orders WHERE id = 3'));
  const { id } = await g.pending();
  const { processID, secretKey } = client;
  const c = await RawClient.connect({ port: g.port, host: '127.0.0.1' });
  c.send(front.cancel(processID, secretKey >>> 0));
  assert.equal((await held).code, '57014');
  await g.reaches(id, 'withdrawn');
  assert.equal((await refused(client.query('SELECT 1'))).code, '25P02');
  assert.equal((await client.query('COMMIT')).command, 'ROLLBACK');
});
