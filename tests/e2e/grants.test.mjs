// What approvers may grant beside one run, and how it ends.
import assert from 'node:assert/strict';
import { Psql, nodeClient, refused } from '../lib/clients.mjs';
import { GUARDRAILS, Gateway } from '../lib/gateway.mjs';
import { test, until } from '../lib/harness.mjs';
import { Postgres } from '../lib/postgres.mjs';

const pg = await Postgres.start();
const GRANT = (terms) => GUARDRAILS.replace('    decide_within: 5m\n', `    decide_within: 5m\n    grant: ${terms}\n`);
const BOTH = GRANT('{ kinds: [shape, session], max: 30m, uses: 5 }');
const gateway = (scope, guardrails = BOTH, more = {}) => Gateway.start(scope, { upstream: pg.upstream, guardrails, ...more });
const connect = (scope, g, user = 'app') => nodeClient(scope, { host: '127.0.0.1', port: g.port, user, database: pg.database });
const ok = (r) => { assert.equal(r.status, 0, r.err + r.out); return r.out; };
const grants = async (g, all) => JSON.parse(ok(await g.cli(['grants', '--json', ...(all ? ['--all'] : [])]))).grants;
let row = 1000;
const next = () => `DELETE FROM orders WHERE id = ${row++}`;

// Sends, grants by the command line, and lets it run.
const granted = async (g, client, how, text = next()) => {
  const held = client.query(text);
  const { id } = await g.pending();
  ok(await g.cli(['approve', String(id), ...how]));
  await held;
  return { id, grant: (await grants(g))[0] };
};
// Whether it is held, now; what is held is rejected.
const isHeld = async (g, client, text) => {
  let over = false;
  const end = client.query(text).then(() => { over = true; }, () => { over = true; });
  const request = await until(async () => over || (await g.requests('pending'))[0], 'the statement to run or be held');
  if (request === true) return false;
  await g.reject(request.id, 'held, as it should be');
  await end;
  return true;
};
const heldThen = async (g, client, text) => {
  const held = refused(client.query(text));
  const { id } = await g.pending();
  await g.reject(id, 'held, as it should be');
  assert.equal((await held).code, 'ZC002');
};

test('a shape is granted so many times: other values run without asking, the next is held', async (scope) => {
  const g = await gateway(scope);
  const client = await connect(scope, g);
  const { id, grant } = await granted(g, client, ['--grant', 'shape', '--uses', '3', '--for', '20m', '--reason', 'clean-up']);
  assert.deepEqual([grant.kinds, grant.uses, grant.used, grant.request, grant.shape], [['shape'], 3, 1, id, 'delete from orders where id = $int']);
  const texts = [next(), `delete  from ORDERS where id=${row++} -- again`];
  for (const t of texts) assert.equal((await client.query(t)).command, 'DELETE');
  assert.deepEqual((await grants(g)).length, 0);
  const [all] = await grants(g, true);
  assert.deepEqual([all.used, all.state], [3, 'used up']);
  await heldThen(g, client, next());
  for (const t of texts) assert.equal(await pg.timesRun(t), 1);
  const log = g.auditText();
  assert.equal(log.split('"kind":"grant_used"').length - 1, 3);
  assert.equal(log.split('"kind":"grant_made"').length - 1, 1);
  const uses = await g.requests('completed');
  assert.equal(uses.length, 3);
  const shown = await g.show(uses[0].id);
  assert.deepEqual([shown.bypass, shown.counts_on], ['grant', [grant.id]]);
  assert.match(ok(await g.cli(['show', String(uses[0].id)])), /by grants, nobody was asked/);
  assert.match(ok(await g.cli(['grants', '--all'])), /3 of 3/);
  ok(await g.auditVerify());
});

test('a grant is bound to subject, resource and shape: each other one is held', async (scope) => {
  const g = await gateway(scope);
  const client = await connect(scope, g);
  await granted(g, client, ['--grant', 'shape']);
  await heldThen(g, client, `DELETE FROM orders WHERE id = ${row} OR id = ${row++}`);
  await heldThen(g, client, `DELETE FROM orders WHERE id > ${row++}`);
  await heldThen(g, client, `DELETE FROM orders WHERE id = ${row}; DELETE FROM orders WHERE id = ${row++}`);
  await heldThen(g, await connect(scope, g, 'postgres'), next());
  await client.query('SET search_path = public, pg_temp');
  await heldThen(g, client, next());
  assert.equal((await (await connect(scope, g)).query(next())).command, 'DELETE');
});

test('parameters may differ under a shape, their types and number may not', async (scope) => {
  const g = await gateway(scope);
  const client = await connect(scope, g);
  const text = 'DELETE FROM orders WHERE id = $1';
  const held = client.query(text, [row++]);
  const { id } = await g.pending();
  ok(await g.cli(['approve', String(id), '--grant', 'shape', '--uses', '2']));
  await held;
  assert.equal((await client.query(text, [row++])).command, 'DELETE');
  const more = refused(client.query(text, [row++]));
  await g.reject((await g.pending()).id, 'used up');
  assert.equal((await more).code, 'ZC002');
});

test('a session is granted: all that its guardrail holds there, nothing elsewhere', async (scope) => {
  const g = await gateway(scope);
  const [client, other] = [await connect(scope, g), await connect(scope, g)];
  const { grant } = await granted(g, client, ['--grant', 'session', '--for', '10m']);
  assert.deepEqual(grant.kinds, ['session']);
  assert.equal((await client.query(`DELETE FROM orders WHERE id > ${1e6 + row++}`)).command, 'DELETE');
  await heldThen(g, other, next());
  assert.equal((await refused(client.query('SELECT * FROM secrets'))).code, 'ZC001');
  const another = refused(client.query('EXECUTE nothing'));
  const { id, guardrails } = await g.pending();
  assert.deepEqual(guardrails, ['prepared-elsewhere']);
  await g.reject(id, 'another guardrail');
  await another;
});

test('a grant is listed for its requester, for those who could give it and for who sees all, and for nobody else', async (scope) => {
  const g = await gateway(scope);
  const client = await connect(scope, g);
  const { grant } = await granted(g, client, ['--grant', 'shape', '--uses', '3', '--for', '20m', '--reason', 'clean-up']);
  const seen = async (as) => (await g.cli(['grants', '--all'], { as })).out;
  assert.match(await seen('daemon'), new RegExp(`^\\s*${grant.id}\\b`, 'm'));   // bo is of dba
  assert.doesNotMatch(await seen('games'), /orders|clean-up|shop/);           // cleo has no say
});

test('revoked, a grant is gone at once in an open session, and those without a say cannot revoke', async (scope) => {
  const g = await gateway(scope);
  const client = await connect(scope, g);
  const { grant } = await granted(g, client, ['--grant', 'session']);
  assert.equal((await client.query(next())).command, 'DELETE');
  assert.equal((await g.cli(['revoke', String(grant.id)], { as: 'games' })).status, 1);
  assert.equal((await client.query(next())).command, 'DELETE');
  assert.match(ok(await g.cli(['revoke', String(grant.id), '--reason', 'enough'], { as: 'daemon' })), /revoked/);
  await heldThen(g, client, next());
  assert.equal((await g.cli(['revoke', String(grant.id)])).status, 1);
  const [now] = await grants(g, true);
  assert.deepEqual([now.state, now.revoked_by, now.revoked_why, now.used], ['revoked', 'bo', 'enough', 3]);
  assert.match(g.auditText(), /"kind":"grant_revoked"/);
});

const TWO = BOTH.replace('  - name: secrets-stay', `  - name: broad
    on: sql
    when: "'orders' in sql.tables_written && !sql.has_narrow_where"
    then: hold
    approvals: [{ from: [leads], count: 1 }]
    message: "changes many orders"
  - name: secrets-stay`);
const broad = () => `DELETE FROM orders WHERE id > ${1e6 + row++}`;

test('a grant covers its own guardrail only: another that holds too still asks its own people', async (scope) => {
  const g = await gateway(scope, TWO);
  const client = await connect(scope, g);
  const { grant } = await granted(g, client, ['--grant', 'session', '--uses', '4']);
  const text = broad();
  const held = client.query(text);
  const request = await g.show((await g.pending()).id);
  assert.deepEqual(request.guardrails, ['order-changes', 'broad']);
  assert.deepEqual(request.counts_on, [grant.id]);
  assert.deepEqual(request.requirements.map((r) => r.candidates), [['bo']]);
  assert.equal((await g.cli(['approve', String(request.id)])).status, 1);
  assert.equal(await pg.timesRun(text), 0);
  ok(await g.cli(['approve', String(request.id)], { as: 'daemon' }));
  assert.equal((await held).command, 'DELETE');
  assert.equal((await grants(g))[0].used, 2);
});

test('what waits and counted on a grant is held afresh when it is revoked, in the same session', async (scope) => {
  const g = await gateway(scope, TWO);
  const client = await connect(scope, g);
  const { grant } = await granted(g, client, ['--grant', 'session']);
  const text = broad();
  const held = client.query(text);
  const first = await g.pending();
  ok(await g.cli(['revoke', String(grant.id)]));
  const second = await until(async () => { const r = await g.pending(); return r.id !== first.id && g.show(r.id); }, 'a request of its own');
  assert.equal(await g.state(first.id), 'withdrawn');
  assert.deepEqual(second.counts_on, []);
  assert.equal(second.digest, first.digest);
  ok(await g.cli(['approve', String(second.id)], { as: 'daemon' }));
  assert.equal(await g.state(second.id), 'pending');
  ok(await g.cli(['approve', String(second.id)]));
  assert.equal((await held).command, 'DELETE');
  assert.equal(await pg.timesRun(text), 1);
  assert.equal(client.notices.length, 3);
});

test('what waits and counted on the grant of somebody who was disabled meanwhile is held afresh', async (scope) => {
  const g = await gateway(scope, TWO, { top: 'people_file: people.yaml' });
  ok(await g.cli(['user', 'add', 'dora', '--groups', 'dba']));
  const client = await connect(scope, g);
  const { grant } = await granted(g, client, ['--grant', 'session']);
  const text = broad();
  const held = refused(client.query(text));
  const first = await g.pending();
  assert.match(ok(await g.cli(['show', String(first.id)])), new RegExp(`granted +in part, by grant ${grant.id}; the rest is still needed`));
  ok(await g.cli(['user', 'disable', 'ana']));
  ok(await g.cli(['approve', String(first.id)], { as: 'daemon' }));
  const second = await until(async () => { const r = (await g.requests('pending'))[0]; return r && r.id !== first.id && g.show(r.id); }, 'a request of its own');
  assert.equal(await pg.timesRun(text), 0);
  assert.equal(await g.state(first.id), 'withdrawn');
  assert.deepEqual([second.counts_on, second.requirements.length], [[], 2]);
  await g.cli(['reject', String(second.id), '--reason', 'enough'], { as: 'daemon' });
  assert.equal((await held).code, 'ZC002');
});

test('a shape ends where the view behind its name is replaced', async (scope) => {
  await pg.sql('CREATE TABLE plain (id int, status text); GRANT ALL ON plain TO PUBLIC');
  const g = await gateway(scope, BOTH.replace("'orders' in sql.tables_written", "sql.command == 'UPDATE'"));
  const [client, admin] = [await connect(scope, g), await connect(scope, g, 'postgres')];
  const view = async (of) => {
    for (const t of ['DROP VIEW IF EXISTS seen', `CREATE VIEW seen AS SELECT id, ${of}`, 'GRANT ALL ON seen TO PUBLIC']) await admin.query(t);
  };
  await view('status FROM orders');
  const change = () => `UPDATE seen SET status = '${row++}' WHERE id = 3`;
  await granted(g, client, ['--grant', 'shape'], change());
  assert.equal((await client.query(change())).command, 'UPDATE');
  await view('status FROM plain');
  await heldThen(g, client, change());
  await view('status FROM orders');
  assert.equal((await client.query(change())).command, 'UPDATE');
});

test('a choice beyond what the guardrail allows is refused, and says so', async (scope) => {
  const g = await gateway(scope, GRANT('{ kinds: shape, max: 10m, uses: 2 }'));
  const client = await connect(scope, g);
  const held = client.query(next());
  const { id } = await g.pending();
  for (const how of [['--grant', 'session'], ['--grant', 'shape', '--uses', '3'], ['--grant', 'shape', '--for', '11m']]) {
    const r = await g.cli(['approve', String(id), ...how]);
    assert.equal(r.status, 1, how.join(' '));
    assert.match(r.err, /allow|let/);
  }
  assert.equal((await g.cli(['approve', String(id), '--uses', '2'])).status, 2);
  assert.equal(await g.state(id), 'pending');
  ok(await g.cli(['approve', String(id), '--grant', 'once']));
  await held;
  assert.deepEqual(await grants(g, true), []);
});

test('without `grant:` nothing but one run is granted', async (scope) => {
  const g = await gateway(scope, GUARDRAILS);
  const client = await connect(scope, g);
  const held = client.query(next());
  const { id } = await g.pending();
  assert.equal((await g.cli(['approve', String(id), '--grant', 'shape'])).status, 1);
  await g.approve(id);
  await held;
  await heldThen(g, client, next());
});

test('of two approvers the narrowest counts, and one who grants once makes it once', async (scope) => {
  const g = await gateway(scope, BOTH.replace('{ from: [dba], count: 1 }', '{ from: [dba], count: 2 }'));
  const client = await connect(scope, g);
  const both = async (a, b) => {
    const held = client.query(next());
    const { id } = await g.pending();
    ok(await g.cli(['approve', String(id), ...a]));
    ok(await g.cli(['approve', String(id), ...b], { as: 'daemon' }));
    await held;
    return grants(g);
  };
  assert.deepEqual(await both(['--grant', 'shape', '--uses', '4'], []), []);
  const [narrow] = await both(['--grant', 'shape', '--uses', '4', '--for', '20m'], ['--grant', 'session', '--for', '10m']);
  assert.deepEqual([narrow.kinds, narrow.uses], [['shape', 'session'], 4]);
  assert.ok(Date.parse(narrow.expires) - Date.parse(narrow.created) === 600000);
  assert.equal((await client.query(next())).command, 'DELETE');
  await heldThen(g, client, `DELETE FROM orders WHERE id < ${-row++}`);
});

test('S3: several workers at once never use a grant more often than granted', async (scope) => {
  const g = await gateway(scope, BOTH, { workers: 3 });
  const clients = await Promise.all(Array.from({ length: 9 }, () => connect(scope, g)));
  await granted(g, clients[0], ['--grant', 'shape', '--uses', '5']);
  const texts = clients.map(() => next());
  const ends = clients.map((c, i) => c.query(texts[i]).then(() => 'ran', (e) => e.code));
  await g.pending(5);
  for (const r of await g.requests('pending')) await g.reject(r.id, 'beyond the grant');
  const said = await Promise.all(ends);
  assert.equal(said.filter((s) => s === 'ran').length, 4, said.join());
  let ran = 0;
  for (const t of texts) ran += await pg.timesRun(t);
  assert.equal(ran, 4);
  assert.equal((await grants(g, true))[0].used, 5);
});

test('a stricter policy ends what a weaker one granted; a session grant ends with any change', async (scope) => {
  const g = await gateway(scope);
  const client = await connect(scope, g);
  await granted(g, client, ['--grant', 'shape']);
  const reload = async (guardrails) => {
    const version = () => g.auditText().split('"kind":"policy"').length;
    const before = version();
    g.writeConfig({ guardrails });
    g.process.kill('SIGHUP');
    await until(() => version() > before, 'the policy to be loaded');
    await until(async () => (await client.query('SELECT 1')).rowCount === 1, 'the workers');
  };
  const loaded = async (guardrails, check) => { await reload(guardrails); await until(check, 'the new policy to hold'); };
  await reload(BOTH.replace('wants to change orders', 'wishes to change orders'));
  assert.equal((await client.query(next())).command, 'DELETE');
  await loaded(BOTH.replace('{ from: [dba], count: 1 }', '{ from: [dba], count: 2 }'), () => isHeld(g, client, next()));
  await loaded(GUARDRAILS, () => isHeld(g, client, next()));
  await reload(BOTH);
  await until(async () => !(await isHeld(g, client, next())), 'the grant to count again');
  const other = await connect(scope, g);
  const text = `DELETE FROM orders WHERE id < ${-row++}`;
  const held = other.query(text);
  ok(await g.cli(['approve', String((await g.pending()).id), '--grant', 'session']));
  await held;
  assert.equal((await other.query(`DELETE FROM orders WHERE id < ${-row++} AND id > 5`)).command, 'DELETE');
  await loaded(BOTH.replace('wants to change orders', 'would change orders'), () => isHeld(g, other, `DELETE FROM orders WHERE id < ${-row++} AND id > 6`));
});

test('grants outlive a restart of the gateway, those of a session do not help another session', async (scope) => {
  const g = await gateway(scope);
  await granted(g, await connect(scope, g), ['--grant', 'shape']);
  await g.stop();
  g.status = undefined;
  g.launch();
  await g.listening();
  assert.equal((await (await connect(scope, g)).query(next())).command, 'DELETE');
  assert.equal((await grants(g))[0].used, 2);
});

test('a grant ends with its time', async (scope) => {
  const g = await gateway(scope);
  const client = await connect(scope, g);
  await granted(g, client, ['--grant', 'shape', '--for', '2s']);
  assert.equal((await client.query(next())).command, 'DELETE');
  await until(async () => (await grants(g)).length === 0, 'the grant to expire');
  await heldThen(g, client, next());
});

test('an approver on psql sees what may be granted, with the shape', async (scope) => {
  const g = await gateway(scope);
  const psql = await Psql.start(scope, { host: '127.0.0.1', port: g.port, user: 'app', dbname: pg.database });
  psql.type(`${next()};`);
  const { id } = await g.pending();
  const shown = ok(await g.cli(['show', String(id)]));
  assert.match(shown, /may be granted +shape, session, for at most 30m, 5 uses/);
  assert.match(shown, /shape +delete from orders where id = \$int/);
  ok(await g.cli(['approve', String(id), '--grant', 'shape']));
  assert.match(await psql.prompt(), /DELETE/);
  assert.match(await psql.run(`${next()};`), /^DELETE|\nDELETE/);
});
