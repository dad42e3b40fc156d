// Real clients: psql on a terminal, node-postgres, psycopg.
import { spawn } from 'node:child_process';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { ROOT, run, until } from './harness.mjs';

const require = createRequire(join(ROOT, 'tests/e2e/package.json'));
export const pg = require('pg');

// psql on a pseudo-terminal, as a person has it: what is typed goes to its terminal, Ctrl-C too.
export class Psql {
  text = '';
  #seen = 0;

  static async start(scope, target, { verbose = true } = {}) {
    const psql = new Psql();
    const connection = Object.entries(target).map(([k, v]) => `${k}=${v}`).join(' ');
    psql.process = spawn('script', ['-qec', `psql -X -n "${connection}"`, '/dev/null'],
      { env: { ...process.env, PAGER: 'cat', PSQL_PAGER: 'cat', LC_ALL: 'C.UTF-8', TERM: 'dumb', PGPASSWORD: 'secret' } });
    psql.process.stdout.on('data', (d) => { psql.text += d.toString('utf8').replaceAll('\r', ''); });
    psql.process.stdin.on('error', () => {});
    psql.exited = new Promise((done) => { psql.process.on('close', done); });
    psql.exited.then(() => { psql.ended = true; });
    scope.defer(() => psql.process.kill('SIGKILL'));
    await psql.see(/=[>#] $/);
    if (verbose) await psql.run('\\set VERBOSITY verbose');
    return psql;
  }

  type(text) { this.process.stdin.write(`${text}\n`); }

  interrupt() { this.process.stdin.write('\x03'); }

  // Waits for text after what was already seen; gives the match.
  async see(pattern, ms = 10000) {
    const match = await until(() => {
      const found = pattern.exec(this.text.slice(this.#seen));
      if (!found && this.ended) throw new Error(`psql ended without ${pattern}: ${this.text}`);
      return found;
    }, () => `${pattern} in psql; it shows: ${this.text.slice(this.#seen)}`, ms);
    this.#seen += match.index + match[0].length;
    return match;
  }

  // Types, and gives what was shown up to the next prompt.
  async run(line, ms) {
    this.type(line);
    return this.prompt(ms);
  }

  async prompt(ms) {
    const from = this.#seen;
    await this.see(/\n[a-z0-9_]+=[*!]?[>#] $/, ms);
    return this.text.slice(from);
  }

  // The end of the terminal: what closing the window does.
  closeWindow() { this.process.kill('SIGKILL'); }
}

// node-postgres. notices collects what the server said beside results.
export async function nodeClient(scope, target) {
  const client = new pg.Client({ password: 'secret', ...target });
  client.notices = [];
  client.on('notice', (n) => client.notices.push(n));
  client.on('error', () => {});
  await client.connect();
  scope.defer(() => { client.connection.stream.destroy(); });
  return client;
}

// Runs a promise that must be refused; gives the error.
export async function refused(promise) {
  let value;
  try {
    value = await promise;
  } catch (error) {
    return error;
  }
  throw new Error(`was not refused: ${JSON.stringify(value?.rows ?? value)}`);
}

// A Python program with psycopg (Debian's) and `dsn` in scope; prints what the test reads.
export function psycopg(dsn, program) {
  const source = `import psycopg, sys, json, time\ndsn = sys.argv[1]\n${program}`;
  return run('/usr/bin/python3', ['-c', source, Object.entries(dsn).map(([k, v]) => `${k}=${v}`).join(' ')], { timeout: 50000 });
}
