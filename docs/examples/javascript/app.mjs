// 一个接入名籍的平台，用 npm openid-client 6：登录、退出、在别处退出。
// A platform that signs people in at Mingji: sign-in, sign-out, and the sign-out that happens elsewhere.
//
// ISSUER, CLIENT_ID, CLIENT_SECRET; BASE_URL: where people find this platform, without a slash at the end.

import { createServer } from 'node:http';
import { randomBytes } from 'node:crypto';
import { createRemoteJWKSet, jwtVerify } from 'jose';
import * as oidc from 'openid-client';

const { ISSUER, CLIENT_ID, CLIENT_SECRET, BASE_URL } = process.env;
const SECURE = BASE_URL.startsWith('https:');
// Ports of one host share their cookies, so the name is this program's own.
const COOKIE = SECURE ? '__Host-js-example' : 'js-example';
const LOGOUT_EVENT = 'http://schemas.openid.net/event/backchannel-logout';

// Plain http is for a provider on this machine alone.
const execute = [oidc.enableNonRepudiationChecks];
if (/^http:\/\/(localhost|127\.0\.0\.1):/.test(ISSUER)) execute.push(oidc.allowInsecureRequests);
// Compares the issuer of the document with the one asked for.
const provider = await oidc.discovery(new URL(ISSUER), CLIENT_ID, undefined, oidc.ClientSecretBasic(CLIENT_SECRET), { execute });
const keys = createRemoteJWKSet(new URL(provider.serverMetadata().jwks_uri));

// In memory, and nothing here ends by itself: a platform with more than one process keeps both in its database.
const sessions = new Map();
const spentLogoutTokens = new Set();

const escape = (text) => String(text).replace(/[&<>"']/g, (sign) => `&#${sign.charCodeAt(0)};`);
const page = (response, body, status = 200) =>
  response.writeHead(status, { 'content-type': 'text/html; charset=utf-8', 'cache-control': 'no-store' }).end(`<!doctype html><meta charset="utf-8"><title>openid-client</title>${body}`);
const redirect = (response, location, headers = {}) => response.writeHead(303, { location: String(location), 'cache-control': 'no-store', ...headers }).end();
const keyOf = (request) => new RegExp(`(?:^|; )${COOKIE}=([\\w-]+)`).exec(request.headers.cookie ?? '')?.[1];

/** A new key each time: whoever planted one before has nothing (session fixation). */
function begin(request, session) {
  sessions.delete(keyOf(request));
  const key = randomBytes(32).toString('base64url');
  sessions.set(key, session);
  return { 'set-cookie': `${COOKIE}=${key}; Path=/; HttpOnly; SameSite=Lax${SECURE ? '; Secure' : ''}` };
}

async function login(request, response) {
  const verifier = oidc.randomPKCECodeVerifier();
  // What only this browser's answer may be compared with: in the session, never in the address.
  const checks = { pkceCodeVerifier: verifier, expectedState: oidc.randomState(), expectedNonce: oidc.randomNonce(), idTokenExpected: true };
  const location = oidc.buildAuthorizationUrl(provider, {
    redirect_uri: `${BASE_URL}/callback`,
    scope: 'openid profile edu',
    state: checks.expectedState,
    nonce: checks.expectedNonce,
    code_challenge: await oidc.calculatePKCECodeChallenge(verifier),
    code_challenge_method: 'S256',
  });
  redirect(response, location, begin(request, { checks }));
}

async function callback(request, response) {
  const { checks } = sessions.get(keyOf(request)) ?? {};
  if (!checks) return page(response, '<p id="problem">没有进行中的登录 No sign-in was begun here</p>', 400);
  try {
    // The address as it is known outside, never from the Host header. Checks state and `iss`, redeems the code, checks the ID token.
    const tokens = await oidc.authorizationCodeGrant(provider, new URL(request.url, BASE_URL), checks);
    const { sub, sid } = tokens.claims();
    const about = await oidc.fetchUserInfo(provider, tokens.access_token, sub);
    redirect(response, '/', begin(request, { sub, sid, name: about.name, idToken: tokens.id_token }));
  } catch (fault) {
    sessions.delete(keyOf(request));
    page(response, `<p id="problem">${escape(fault.error ?? fault.code ?? 'failed')}</p><a href="/login">再试一次 Try again</a>`, 400);
  }
}

function logout(request, response) {
  const session = sessions.get(keyOf(request));
  sessions.delete(keyOf(request));
  if (!session?.idToken) return redirect(response, '/');
  redirect(response, oidc.buildEndSessionUrl(provider, { id_token_hint: session.idToken, post_logout_redirect_uri: `${BASE_URL}/signed-out` }));
}

/** OpenID Connect Back-Channel Logout 1.0, 2.6. */
async function backchannelLogout(request, response) {
  let body = '';
  for await (const part of request) if ((body += part).length > 16384) return response.writeHead(413).end();
  try {
    const { payload } = await jwtVerify(new URLSearchParams(body).get('logout_token') ?? '', keys, {
      issuer: ISSUER, audience: CLIENT_ID, typ: 'logout+jwt', algorithms: ['RS256'], maxTokenAge: '10 min', requiredClaims: ['exp', 'jti'],
    });
    const { events, nonce, jti, sid, sub } = payload;
    if (typeof events?.[LOGOUT_EVENT] !== 'object' || nonce !== undefined || !(sid ?? sub)) throw new Error('not a logout token of ours');
    // One that comes again is one whose answer got lost: 400 would only let it come again.
    if (!spentLogoutTokens.has(jti)) for (const [key, session] of sessions) if (sid ? session.sid === sid : session.sub === sub) sessions.delete(key);
    spentLogoutTokens.add(jti);
    response.writeHead(204, { 'cache-control': 'no-store' }).end();
  } catch (fault) {
    // Whatever is not 200 or 204 is sent again; 400 is for a token that is wrong.
    if (fault instanceof TypeError || ['ERR_JWKS_TIMEOUT', 'ERR_JOSE_GENERIC'].includes(fault.code)) return response.writeHead(503).end();
    response.writeHead(400, { 'content-type': 'application/json', 'cache-control': 'no-store' }).end('{"error":"invalid_request"}');
  }
}

function home(request, response) {
  const session = sessions.get(keyOf(request));
  if (!session?.sub) return page(response, '<a id="login" href="/login">登录 Sign in</a>');
  page(response, `<p><b id="name">${escape(session.name)}</b> <code id="sub">${escape(session.sub)}</code></p><form method="post" action="/logout"><button>退出 Sign out</button></form>`);
}

const routes = {
  'GET /': home,
  'GET /login': login,
  'GET /callback': callback,
  'POST /logout': logout,
  'GET /signed-out': (_, response) => page(response, '<p id="signed-out">已退出 Signed out</p>'),
  'POST /backchannel-logout': backchannelLogout,
};

createServer((request, response) => {
  const route = routes[`${request.method} ${request.url.split('?')[0]}`];
  if (!route) return page(response, '<p>没有这个页面 Not found</p>', 404);
  Promise.resolve(route(request, response)).catch(() => page(response, '<p>出了差错 Something went wrong</p>', 500));
}).listen(Number(new URL(BASE_URL).port || 8000), '127.0.0.1', () => console.log(`listening for ${BASE_URL}`));
