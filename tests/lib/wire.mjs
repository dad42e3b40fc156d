// A gateway in front of a scripted server, for tests that count bytes.
import { FakeServer } from './fake-server.mjs';
import { Gateway } from './gateway.mjs';
import { sleep } from './harness.mjs';
import { RawClient } from './pgwire.mjs';

// The scripted server is asked no questions of the gateway's own, unless `resource` says so.
export async function behind(scope, { answer, greeting, resource = 'catalog: false\npreview: none', ...options } = {}) {
  const server = await FakeServer.start(answer);
  server.greeting = greeting;
  scope.defer(() => server.stop());
  const g = await Gateway.start(scope, { upstream: { host: '127.0.0.1', port: server.port }, resource, ...options });
  server.connections.length = 0; // what waiting for the gateway opened
  const open = async () => {
    const c = await RawClient.connect({ port: g.port, host: '127.0.0.1' });
    scope.defer(() => c.destroy());
    return c;
  };
  const login = async (parameters = { user: 'app', database: 'd' }) => {
    const c = await open();
    await c.startup(parameters);
    return c;
  };
  return { g, server, open, login };
}

// True while a new client is served as ever: what a bad one did harmed nobody else.
export async function othersAreServed(login, ask) {
  const c = await login();
  const answer = await c.ask(ask);
  c.destroy();
  return answer.length > 0;
}

// Nothing came for a while: for facts that say something does not happen.
export const quiet = () => sleep(150);
