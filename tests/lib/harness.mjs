// What the tests of the whole gateway share: a test with a deadline and with clean-up in reverse
// order, temporary directories, programs that are run to their end.
import { spawn } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { test as nodeTest } from 'node:test';
import { fileURLToPath } from 'node:url';
import { sleep } from './pgwire.mjs';

export { sleep };
export const ROOT = resolve(dirname(fileURLToPath(import.meta.url)), '../..');
export const BINARY = process.env.COUNTERSIGN_BIN ?? join(ROOT, 'build/countersign');
export const IS_ROOT = process.getuid() === 0;

// test(name, run): run gets a scope with defer(undo); undo functions run last to first.
export function test(name, run, timeout = 60000) {
  nodeTest(name, { timeout }, async () => {
    const undo = [];
    const errors = [];
    await Promise.resolve(run({ defer: (f) => undo.push(f) })).catch((e) => errors.push(e));
    for (const f of undo.reverse()) {
      try {
        await f();
      } catch (e) {
        errors.push(e);
      }
    }
    if (errors.length > 0) throw errors[0];
  });
}

export function tempDir(scope) {
  const dir = mkdtempSync(join(tmpdir(), 'countersign-test-'));
  chmodSync(dir, 0o755); // the workers and PostgreSQL run as other users
  scope?.defer(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

export async function freePort() {
  const server = net.createServer();
  await new Promise((done) => { server.listen(0, '127.0.0.1', done); });
  const { port } = server.address();
  await new Promise((done) => { server.close(done); });
  return port;
}

// Runs a program; resolves with {status, out, err} when it ended. `input` goes to its stdin.
export function run(command, args, { input, env, timeout = 30000, ...options } = {}) {
  const child = spawn(command, args, { env: { ...process.env, ...env }, ...options });
  const result = { out: '', err: '', child };
  child.stdout.on('data', (d) => { result.out += d; });
  child.stderr.on('data', (d) => { result.err += d; });
  child.stdin.on('error', () => {});
  if (input !== null) child.stdin.end(input ?? '');
  const timer = setTimeout(() => child.kill('SIGKILL'), timeout);
  const ended = new Promise((done, fail) => {
    child.on('error', fail);
    child.on('close', (status, signal) => {
      clearTimeout(timer);
      done(Object.assign(result, { status: status ?? signal }));
    });
  });
  return Object.assign(ended, { child, result });
}

// Polls until condition() gives something true, and gives that.
export async function until(condition, what, ms = 10000) {
  for (const end = Date.now() + ms; ; await sleep(20)) {
    const value = await condition();
    if (value) return value;
    if (Date.now() > end) throw new Error(`waited ${ms} ms for ${typeof what === 'function' ? what() : what}`);
  }
}
