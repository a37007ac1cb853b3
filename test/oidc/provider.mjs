// The independent OpenID provider for tests: npm oidc-provider with logins
// that anybody may make (the login name is the subject), keys that rotate when
// told to, and back-channel logout.
//
//   node provider.mjs '{"clients":[…],"resource":"https://…","host":"127.0.0.2","hold":true}'
//
// With "port" it listens there, else on a free one; with "groups", such as
// {"anna":["Bauamt"]}, its ID and access tokens have a claim of that name; with
// "groupsScope" too, only where that scope was asked for. It prints one line of JSON, {"issuer":"http://…"}, when it listens. It ends with
// SIGTERM or, with hold, when its standard input ends.
// POST /test/rotate makes new RS256 and ES256 keys and signs with them.

import { createServer } from 'node:http';
import { generateKeyPairSync, randomUUID } from 'node:crypto';
import Provider from 'oidc-provider';

const options = JSON.parse(process.argv[2] ?? '{}');
const host = options.host ?? '127.0.0.1';
const scopes = ['mail.read', 'mail.send', 'calendar', 'contacts', 'files'];

let keys = [];
let handle;
let issuer;

function groupsOf(sub) {
  return options.groups ? { groups: options.groups[sub] ?? [] } : {};
}

// The scope without which nothing is said of groups.
const groupsScope = options.groupsScope ?? 'openid';
const resourceScopes = [...scopes, ...(options.groupsScope ? [groupsScope] : [])].join(' ');

function newKey(alg) {
  const { privateKey } = alg === 'RS256'
    ? generateKeyPairSync('rsa', { modulusLength: 2048 })
    : generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return { ...privateKey.export({ format: 'jwk' }), kid: randomUUID(), alg, use: 'sig' };
}

// Memory is where sessions, codes and tokens lie. It is ours because the
// library's own belongs to one instance, and a rotation makes another.
const rows = new Map();

class Memory {
  constructor(model) { this.model = model; }
  key(id) { return `${this.model}:${id}`; }
  all() { return [...rows].filter(([k]) => k.startsWith(`${this.model}:`)); }
  async upsert(id, payload, seconds) {
    rows.set(this.key(id), { ...payload, until: seconds ? Date.now() + seconds * 1000 : Infinity });
  }
  async find(id) {
    const row = rows.get(this.key(id));
    return row && row.until > Date.now() ? row : undefined;
  }
  async findByUid(uid) { return this.all().map(([, row]) => row).find((row) => row.uid === uid); }
  async findByUserCode() { return undefined; }
  async consume(id) { rows.get(this.key(id)).consumed = Math.floor(Date.now() / 1000); }
  async destroy(id) { rows.delete(this.key(id)); }
  async revokeByGrantId(grantId) {
    for (const [key, row] of rows) if (row.grantId === grantId) rows.delete(key);
  }
}

// Another instance with the same issuer and the same memory takes over.
function rotate() {
  keys = [newKey('RS256'), newKey('ES256'), ...keys];
  const provider = new Provider(issuer, {
    clients: options.clients ?? [],
    jwks: { keys },
    adapter: Memory,
    // The library sends nothing to loopback addresses, where a test's portal
    // listens; without its dispatcher it does.
    fetch: (url, { dispatcher, ...init }) => globalThis.fetch(url, init),
    scopes: [...new Set(['openid', 'offline_access', groupsScope, ...scopes])],
    cookies: { keys: ['only for tests'] },
    features: {
      devInteractions: { enabled: true },
      backchannelLogout: { enabled: true },
      rpInitiatedLogout: { enabled: true },
      resourceIndicators: {
        enabled: true,
        defaultResource: () => options.resource ?? 'urn:fachwerk:test',
        useGrantedResource: () => true,
        getResourceServerInfo: (_ctx, resource) => ({
          scope: resourceScopes, audience: resource, accessTokenFormat: 'jwt', accessTokenTTL: 600,
          jwt: { sign: { alg: 'RS256' } },
        }),
      },
    },
    ttl: { Session: 3600, Grant: 3600, Interaction: 600, IdToken: 600, AccessToken: 600, AuthorizationCode: 60 },
    findAccount: (_ctx, sub) => ({ accountId: sub, claims: () => ({ sub, ...groupsOf(sub) }) }),
    ...(options.groups && {
      claims: { openid: ['sub'], [groupsScope]: groupsScope === 'openid' ? ['sub', 'groups'] : ['groups'] },
      conformIdTokenClaims: false, // what a scope asks for is in the ID token too
      extraTokenClaims: (_ctx, token) => (
        groupsScope === 'openid' || token.scope?.split(' ').includes(groupsScope) ? groupsOf(token.accountId) : {}
      ),
    }),
    // Nobody is asked whether the client may know them.
    async loadExistingGrant(ctx) {
      const grant = new ctx.oidc.provider.Grant({ accountId: ctx.oidc.session.accountId, clientId: ctx.oidc.client.clientId });
      grant.addOIDCScope(['openid', 'offline_access', groupsScope, ...scopes].join(' '));
      grant.addResourceScope(options.resource ?? 'urn:fachwerk:test', resourceScopes);
      await grant.save();
      return grant;
    },
  });
  provider.on('server_error', (_ctx, err) => console.error(err));
  provider.on('backchannel.error', (_ctx, err) => console.error(err));
  handle = provider.callback();
}

const server = createServer((req, res) => {
  if (req.url === '/test/rotate' && req.method === 'POST') {
    rotate();
    res.end('rotated\n');
    return;
  }
  handle(req, res);
});

server.listen(options.port ?? 0, host, () => {
  issuer = `http://${host}:${server.address().port}`;
  rotate();
  console.log(JSON.stringify({ issuer }));
});

// With "hold", the test that started it holds the other end of standard input.
if (options.hold) {
  process.stdin.resume();
  process.stdin.on('end', () => process.exit(0));
}
process.on('SIGTERM', () => process.exit(0));
