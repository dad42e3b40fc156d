// An identity provider of the test's own: the certified oidc-provider of npm on a loopback port, and a browser
// that logs in there.
import { generateKeyPairSync } from 'node:crypto';
import http from 'node:http';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { ROOT, freePort } from './harness.mjs';

const require = createRequire(join(ROOT, 'tests/e2e/package.json'));
const { Provider } = await import(pathToFileURL(require.resolve('oidc-provider')).href);

const newKey = (type, kid) => {
  const pair = type === 'RS256' ? generateKeyPairSync('rsa', { modulusLength: 2048 })
    : type === 'ES256' ? generateKeyPairSync('ec', { namedCurve: 'P-256' }) : generateKeyPairSync('ed25519');
  return { ...pair.privateKey.export({ format: 'jwk' }), kid, use: 'sig', alg: type };
};

export class Idp {
  static async start(scope, { accounts, algorithm = 'RS256', secret } = {}) {
    const idp = new Idp();
    Object.assign(idp, { accounts, secret, port: await freePort(), kid: 0, asked: { keys: 0 } });
    idp.issuer = `http://127.0.0.1:${idp.port}`;
    idp.rotate(algorithm);
    await idp.listen();
    scope.defer(() => idp.stop());
    return idp;
  }

  // New keys and none of the old; what was logged in is forgotten.
  rotate(algorithm = 'RS256') {
    this.kid += 1;
    const provider = new Provider(this.issuer, {
      clients: [{
        client_id: 'countersign', application_type: 'native', redirect_uris: ['http://127.0.0.1/callback', 'http://127.0.0.1/v1/callback'], response_types: ['code'],
        grant_types: ['authorization_code'], id_token_signed_response_alg: algorithm,
        ...(this.secret ? { client_secret: this.secret, token_endpoint_auth_method: 'client_secret_basic' } : { token_endpoint_auth_method: 'none' }),
      }],
      jwks: { keys: [newKey(algorithm, `key-${this.kid}`)] },
      enabledJWA: { idTokenSigningAlgValues: ['RS256', 'ES256', 'EdDSA'] },
      conformIdTokenClaims: false,
      claims: { openid: ['sub', 'preferred_username', 'groups', 'email', 'email_verified'] },
      findAccount: async (_, id) => ({ accountId: id, claims: async () => ({ sub: id, ...this.accounts[id] }) }),
      cookies: { keys: ['test'] },
    });
    this.handler = provider.callback();
  }

  async listen() {
    this.server = http.createServer((q, r) => {
      if (q.url === '/jwks') this.asked.keys += 1;
      this.handler(q, r);
    });
    await new Promise((done) => { this.server.listen(this.port, '127.0.0.1', done); });
  }

  async stop() {
    this.server.closeAllConnections();
    await new Promise((done) => { this.server.close(done); });
  }

  // What a person does in the browser, up to the address that the provider sends them to.
  async logIn(url, account) {
    const jar = new Map();
    const go = async (to, form) => {
      const r = await fetch(to, {
        method: form ? 'POST' : 'GET', redirect: 'manual', body: form && new URLSearchParams(form),
        headers: { cookie: [...jar].map(([k, v]) => `${k}=${v}`).join('; ') },
      });
      for (const c of r.headers.getSetCookie()) {
        const [, name, value] = /^([^=]+)=([^;]*)/.exec(c);
        jar.set(name, value);
      }
      return r;
    };
    let at = url;
    for (let i = 0; i < 12; i += 1) {
      if (new URL(at, this.issuer).port !== String(this.port)) return at;
      let r = await go(new URL(at, this.issuer));
      if (r.status === 200) {
        const page = await r.text();
        const action = /action="([^"]+)"/.exec(page)[1];
        const prompt = /name="prompt" value="([^"]+)"/.exec(page)[1];
        r = await go(new URL(action, this.issuer), prompt === 'login' ? { prompt, login: account, password: 'x' } : { prompt });
      }
      at = r.headers.get('location');
      if (!at) throw new Error(`the provider says ${r.status}: ${await r.text()}`);
    }
    throw new Error('the provider never sends the browser back');
  }
}
