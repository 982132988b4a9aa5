// npm openid-client on one of the ways that the standards know, named on the command line. What it has to know comes as
// JSON on standard input; what it was given goes as JSON to standard output. Exit 1 with what went wrong.

import { createHash } from 'node:crypto';
import { request as overTls } from 'node:https';
import { json } from 'node:stream/consumers';
import * as oauth from 'oauth4webapi';
import * as client from 'openid-client';
import { Visitor, end, forms, isAt } from './browser.mjs';

const DEVICE = 'urn:ietf:params:oauth:grant-type:device_code';
const CIBA = 'urn:openid:params:grant-type:ciba';
const EXCHANGE = 'urn:ietf:params:oauth:grant-type:token-exchange';
const ACCESS_TOKEN = 'urn:ietf:params:oauth:token-type:access_token';
/** How the library calls an answer that it does not believe. */
const FORGED = new Set(['OAUTH_INVALID_RESPONSE', 'OAUTH_JWT_CLAIM_COMPARISON_FAILED']);

const { issuer, ahead, login, password, clients, keys, tls, ...rest } = await json(process.stdin);
const visitor = new Visitor({ login, password });
const stranger = new Visitor({ login, password });
const nowhere = () => false;

function assert(holds, text) {
  if (!holds) throw new Error(text);
}

/** Why something was refused, as the provider or the library calls it; that it was not is a fault. */
async function refusal(attempt) {
  const fault = await attempt.then(() => undefined, (fault) => fault);
  assert(fault, 'what should be refused was taken');
  const said = fault.error ?? (await fault.response?.clone().json().catch(() => undefined))?.error;
  const challenged = Array.isArray(fault.cause) ? fault.cause.find((one) => one.parameters?.error)?.parameters.error : undefined;
  return said ?? challenged ?? fault.code ?? fault.message;
}

async function isForged(attempt, what) {
  const reason = await refusal(attempt);
  assert(FORGED.has(reason), `${what}: ${reason}`);
}

// ── the client ───────────────────────────────────────────────────────────────────────────────────────────

const bytes = (pkcs8) => Buffer.from(pkcs8, 'base64');
const toSign = async ({ kid, pkcs8 }) => ({ kid, key: await crypto.subtle.importKey('pkcs8', bytes(pkcs8), { name: 'ECDSA', namedCurve: 'P-256' }, false, ['sign']) });
const toOpen = async ({ kid, pkcs8 }) => ({ kid, alg: 'ECDH-ES', key: await crypto.subtle.importKey('pkcs8', bytes(pkcs8), { name: 'ECDH', namedCurve: 'P-256' }, false, ['deriveBits']) });
const anotherKey = async (name, uses) => (await crypto.subtle.generateKey({ name, namedCurve: 'P-256' }, false, uses)).privateKey;

const AUTHENTICATION = {
  none: () => client.None(),
  client_secret_basic: (secret) => client.ClientSecretBasic(secret),
  client_secret_post: (secret) => client.ClientSecretPost(secret),
  client_secret_jwt: (secret) => client.ClientSecretJwt(secret),
  private_key_jwt: async () => client.PrivateKeyJwt(await toSign(keys.sign)),
  tls_client_auth: () => client.TlsClientAuth(),
  self_signed_tls_client_auth: () => client.TlsClientAuth(),
};

/** The library, set up for a client as it was registered. */
async function configure(name = 'own', own = {}, options = {}) {
  const { client_id, secret, registered } = clients[name];
  const metadata = { ...registered, ...own, [client.clockSkew]: ahead };
  const authentication = await AUTHENTICATION[registered.token_endpoint_auth_method ?? 'client_secret_basic'](secret);
  const config = await client.discovery(new URL(issuer), client_id, metadata, authentication, { execute: [client.allowInsecureRequests], ...options });
  // It believes in TLS where a token comes from the provider itself; here it verifies every signature.
  client.enableNonRepudiationChecks(config);
  return config;
}

/** Tells of each answer that the provider gives this client. */
function overhear(config, heard) {
  config[client.customFetch] = async (url, options) => {
    const response = await fetch(url, options);
    await heard(new URL(url).pathname, response.clone());
    return response;
  };
}

// ── the request and its answer ───────────────────────────────────────────────────────────────────────────

const redirectUri = (name = 'own') => clients[name]?.redirect_uri ?? 'https://rp.example/callback';

/** An authorization request and what its answer is held to. */
async function request(own = {}) {
  const checks = {
    pkceCodeVerifier: client.randomPKCECodeVerifier(),
    expectedState: client.randomState(),
    expectedNonce: client.randomNonce(),
    idTokenExpected: true,
  };
  const parameters = {
    redirect_uri: redirectUri(),
    scope: 'openid profile',
    state: checks.expectedState,
    nonce: checks.expectedNonce,
    code_challenge: await client.calculatePKCECodeChallenge(checks.pkceCodeVerifier),
    code_challenge_method: 'S256',
    ...own,
  };
  return { checks, parameters };
}

/** The address that the browser comes back to. */
async function back(url, who = visitor) {
  const last = await who.walk(url, isAt(redirectUri()));
  assert(last.arrived, `the sign-in ended on a page (${end(last)})`);
  return last.arrived;
}

/** What a page of the provider's makes the browser post to the client. */
async function posted(url, who = visitor) {
  const page = await who.walk(url, nowhere);
  const [form] = forms(page.html ?? '').filter((one) => one.action === redirectUri());
  assert(form?.method === 'post', `no form for the client (${end(page)})`);
  return new URLSearchParams(form.hidden.map(({ name, value }) => [name, value]));
}

const asPost = (fields) => new Request(redirectUri(), { method: 'POST', body: fields });
const asFragment = (fields) => new URL(`#${fields}`, redirectUri());
const fieldsOf = (answer) => new URLSearchParams(answer.hash.slice(1));
const names = (fields) => [...fields.keys()].sort();

/** The fields with one of them changed, or left out. */
function altered(fields, name, value) {
  const other = new URLSearchParams(fields);
  if (value === undefined) other.delete(name);
  else other.set(name, value);
  return other;
}

/** A token whose signature is another's. */
function resigned(jwt) {
  const at = jwt.lastIndexOf('.') + 1;
  return `${jwt.slice(0, at)}${[...jwt.slice(at)].reverse().join('')}`;
}

/** Tokens for an answer. Of all hashes the library leaves one to its caller: that of the access token. */
async function redeem(config, answer, checks, options = {}) {
  const tokens = await client.authorizationCodeGrant(config, answer, checks, undefined, options);
  const hash = config.clientMetadata().id_token_signed_response_alg === 'EdDSA' ? 'sha512' : 'sha256';
  const digest = createHash(hash).update(tokens.access_token).digest();
  assert(tokens.claims().at_hash === digest.subarray(0, digest.length / 2).toString('base64url'), 'at_hash is of another access token');
  return tokens;
}

/** The whole way of a code in the query. */
async function signOn(config, own = {}) {
  const { checks, parameters } = await request(own);
  return redeem(config, await back(client.buildAuthorizationUrl(config, parameters)), checks);
}

/** What a service reads in an access token that it is called with, asking nobody (RFC 9068; RFC 9449, 7). */
async function served(config, token, resource, DPoP) {
  let call;
  config[client.customFetch] = async (url, { method, headers }) => {
    call = new Request(url, { method, headers });
    return new Response();
  };
  await client.fetchProtectedResource(config, token, new URL(resource), 'GET', undefined, undefined, { DPoP });
  config[client.customFetch] = undefined;
  const options = { [oauth.allowInsecureRequests]: true, [oauth.clockSkew]: ahead, requireDPoP: Boolean(DPoP) };
  const read = (request, audience) => oauth.validateJwtAccessToken(config.serverMetadata(), request, audience, options);
  await isForged(read(call, 'https://elsewhere.example/'), 'another audience');
  if (DPoP) {
    const unproven = new Request(call);
    unproven.headers.delete('dpop');
    await isForged(read(unproven, resource), 'no proof');
  }
  return read(call, resource);
}

const userinfo = (config, tokens, options) => client.fetchUserInfo(config, tokens.access_token, tokens.claims().sub, options);

// ── the ways ─────────────────────────────────────────────────────────────────────────────────────────────

const WAYS = {
  async pushed() {
    const config = await configure();
    const { checks, parameters } = await request();
    const unpushed = await back(client.buildAuthorizationUrl(config, parameters));
    const beside = await refusal(redeem(config, unpushed, checks));

    const url = await client.buildAuthorizationUrlWithPAR(config, parameters);
    const answer = await back(url);
    for (const [name, value] of [['state', 'another'], ['state'], ['iss', 'https://other.example'], ['iss']]) {
      const forged = new URL(`?${altered(answer.searchParams, name, value)}`, answer);
      await isForged(redeem(config, forged, checks), `${name} ${value}`);
    }
    const tokens = await redeem(config, answer, checks);
    await userinfo(config, tokens);
    return { parameters: names(url.searchParams), beside, used: end(await visitor.walk(url, nowhere)) };
  },

  async signed_request() {
    const config = await configure();
    const key = await toSign(keys.sign);
    const { checks, parameters } = await request({ max_age: '3600', claims: JSON.stringify({ id_token: { nickname: null } }) });
    checks.maxAge = 3600;
    const unsigned = await back(client.buildAuthorizationUrl(config, parameters));
    const plain = await refusal(redeem(config, unsigned, checks));
    const pushed_plain = await refusal(client.buildAuthorizationUrlWithPAR(config, parameters));

    const url = await client.buildAuthorizationUrlWithJAR(config, parameters, key);
    const tokens = await redeem(config, await back(url), checks);

    const push = (object) => client.buildAuthorizationUrlWithPAR(config, { request: object.searchParams.get('request') });
    const other = { kid: key.kid, key: await anotherKey('ECDSA', ['sign']) };
    const forged = await refusal(push(await client.buildAuthorizationUrlWithJAR(config, parameters, other)));
    const again = await back(await push(await client.buildAuthorizationUrlWithJAR(config, parameters, key)));
    await redeem(config, again, checks);
    return { parameters: names(url.searchParams), plain, pushed_plain, forged, id_token: tokens.claims() };
  },

  async jarm() {
    const opening = async (config) => {
      client.useJwtResponseMode(config);
      if (clients.own.registered.authorization_encrypted_response_alg) {
        client.enableDecryptingResponses(config, ['A256GCM'], await toOpen(keys.seal));
      }
      return config;
    };
    const config = await opening(await configure());
    const { checks, parameters } = await request();
    const url = client.buildAuthorizationUrl(config, parameters);
    const silent = client.buildAuthorizationUrl(config, { ...parameters, prompt: 'none' });
    const nobody = await refusal(redeem(config, await back(silent, stranger), checks));

    const answer = await back(url);
    const response = answer.searchParams.get('response');
    const sealed = response.split('.').length === 5;
    await isForged(redeem(config, answer, { ...checks, expectedState: 'another' }), 'another state');
    if (!sealed) {
      const forged = new URL(`?${altered(answer.searchParams, 'response', resigned(response))}`, answer);
      await isForged(redeem(config, forged, checks), 'another signature');
    }
    // In another client's hands.
    const foreign = await opening(new client.Configuration(config.serverMetadata(), 'somebody-else', clients.own.registered, client.None()));
    client.allowInsecureRequests(foreign);
    await isForged(redeem(foreign, answer, checks), 'another audience');
    const tokens = await redeem(config, answer, checks);
    assert(sealed === Boolean(client.getDecryptedResponses(tokens)?.authorization_response), 'the library opened another answer');
    return { parameters: names(answer.searchParams), sealed, nobody };
  },

  async sealed() {
    const config = await configure();
    const key = await toOpen(keys.seal);
    client.enableDecryptingResponses(config, ['A256GCM'], key);
    const tokens = await signOn(config);
    const told = await userinfo(config, tokens);
    const refreshed = await client.refreshTokenGrant(config, tokens.refresh_token);
    const other = await configure();
    client.enableDecryptingResponses(other, ['A256GCM'], { ...key, key: await anotherKey('ECDH', ['deriveBits']) });
    const wrong_key = await refusal(userinfo(other, tokens));

    // Through the browser as well.
    client.useCodeIdTokenResponseType(config);
    const { checks, parameters } = await request();
    const both = await redeem(config, await back(client.buildAuthorizationUrl(config, parameters)), checks);
    const sealed = {
      browser: Boolean(client.getDecryptedResponses(both)?.id_token?.authorization_endpoint),
      id_token: Boolean(client.getDecryptedResponses(tokens)?.id_token?.token_endpoint),
      refreshed: Boolean(client.getDecryptedResponses(refreshed)),
      userinfo: Boolean(client.getDecryptedResponses(told)),
    };
    return { sealed, userinfo: told, wrong_key };
  },

  async signatures() {
    const config = await configure();
    const algs = [];
    const algOf = (jwt) => JSON.parse(Buffer.from(jwt.split('.')[0], 'base64url')).alg;
    overhear(config, async (path, response) => {
      if (/jwt$/.test(response.headers.get('content-type') ?? '')) algs.push(algOf(await response.text()));
    });
    const tokens = await signOn(config);
    algs.push(algOf(tokens.id_token));
    const told = await userinfo(config, tokens);
    const introspected = await client.tokenIntrospection(config, tokens.access_token);
    return { algs, userinfo: told, introspected };
  },

  async implicit() {
    const config = await configure();
    client.useIdTokenResponseType(config);
    const come = async (response_mode, get, as) => {
      const { checks: { expectedState, expectedNonce }, parameters } = await request({ response_mode });
      const fields = await get(client.buildAuthorizationUrl(config, parameters));
      const authenticate = (these, nonce = expectedNonce) => client.implicitAuthentication(config, as(these), nonce, { expectedState });
      await isForged(authenticate(altered(fields, 'state', 'another')), 'another state');
      await isForged(authenticate(altered(fields, 'iss', 'https://other.example')), 'another issuer');
      await isForged(authenticate(altered(fields, 'id_token', resigned(fields.get('id_token')))), 'another signature');
      await isForged(authenticate(fields, 'another'), 'another nonce');
      return { fields: names(fields), claims: await authenticate(fields) };
    };
    const fragment = await come('fragment', async (url) => fieldsOf(await back(url)), asFragment);
    return { fragment, form_post: await come('form_post', posted, asPost) };
  },

  async hybrid() {
    const config = await configure();
    client.useCodeIdTokenResponseType(config);
    // With the hashes of the code and of the state.
    client.enableDetachedSignatureResponseChecks(config);
    const come = async (response_mode, get, as) => {
      const { checks, parameters } = await request({ response_mode });
      const fields = await get(client.buildAuthorizationUrl(config, parameters));
      const take = (these, own) => redeem(config, as(these), { ...checks, ...own });
      await isForged(take(altered(fields, 'code', 'another')), 'another code');
      await isForged(take(altered(fields, 'state', 'another'), { expectedState: 'another' }), 'another state, expected');
      await isForged(take(altered(fields, 'iss', 'https://other.example')), 'another issuer');
      await isForged(take(altered(fields, 'id_token', resigned(fields.get('id_token')))), 'another signature');
      const tokens = await take(fields);
      await userinfo(config, tokens);
      return { fields: names(fields), claims: tokens.claims() };
    };
    const fragment = await come('fragment', async (url) => fieldsOf(await back(url)), asFragment);
    return { fragment, form_post: await come('form_post', posted, asPost) };
  },

  async form_post() {
    const config = await configure();
    const { checks, parameters } = await request({ response_mode: 'form_post' });
    const silent = await posted(client.buildAuthorizationUrl(config, { ...parameters, prompt: 'none' }), stranger);
    const nobody = await refusal(redeem(config, asPost(silent), checks));
    const fields = await posted(client.buildAuthorizationUrl(config, parameters));
    await isForged(redeem(config, asPost(altered(fields, 'iss')), checks), 'no issuer');
    await redeem(config, asPost(fields), checks);
    return { fields: names(fields), nobody };
  },

  async claims() {
    const config = await configure();
    const wanted = { id_token: { nickname: null, auth_time: { essential: true }, acr: null }, userinfo: { name: { essential: true } } };
    const { checks, parameters } = await request({ scope: 'openid', max_age: '3600', claims: JSON.stringify(wanted) });
    checks.maxAge = 3600;
    const tokens = await redeem(config, await back(client.buildAuthorizationUrl(config, parameters)), checks);
    const impossible = { id_token: { acr: { essential: true, values: ['urn:nobody'] } } };
    const unreachable = await refusal(signOn(config, { claims: JSON.stringify(impossible) }));
    return { id_token: tokens.claims(), userinfo: await userinfo(config, tokens), unreachable };
  },

  async details() {
    const config = await configure();
    const wanted = { authorization_details: JSON.stringify(rest.wanted) };
    const { checks, parameters } = await request(wanted);
    const unknown = await refusal(client.buildAuthorizationUrlWithPAR(config, { ...parameters, authorization_details: '[{"type":"unknown"}]' }));
    const answer = await back(await client.buildAuthorizationUrlWithPAR(config, parameters));
    const pushed = await redeem(config, answer, checks);
    const signedOn = await signOn(config, wanted);
    const refreshed = await client.refreshTokenGrant(config, signedOn.refresh_token);
    const introspected = await client.tokenIntrospection(await configure('service'), refreshed.access_token);
    const of = (told) => told.authorization_details;
    return { pushed: of(pushed), signed_on: of(signedOn), refreshed: of(refreshed), introspected: of(introspected), unknown };
  },

  async status() {
    const signed = await configure();
    const plain = await configure('own', { introspection_signed_response_alg: undefined });
    const tokens = await signOn(signed);
    const told = {
      sub: tokens.claims().sub,
      plain: await client.tokenIntrospection(plain, tokens.access_token),
      signed: await client.tokenIntrospection(signed, tokens.access_token),
      foreign: await client.tokenIntrospection(signed, 'no token of theirs'),
    };
    // The token that everything hangs on (RFC 7009, 2.1).
    await client.tokenRevocation(signed, tokens.refresh_token);
    await client.tokenRevocation(signed, 'no token of theirs');
    return {
      ...told,
      ended: await client.tokenIntrospection(signed, tokens.access_token),
      refreshed: await refusal(client.refreshTokenGrant(signed, tokens.refresh_token)),
      userinfo: await refusal(userinfo(signed, tokens)),
    };
  },

  async exchange() {
    const tokens = await signOn(await configure(), { scope: 'openid grades.read', resource: rest.called_at });
    const service = await configure('service');
    const exchange = (subject_token, resource) =>
      client.genericGrantRequest(service, EXCHANGE, { subject_token, subject_token_type: ACCESS_TOKEN, resource });
    const given = await exchange(tokens.access_token, rest.calls);
    const read = await served(service, given.access_token, rest.calls);
    assert(read.act.sub === clients.service.client_id, `the exchanged token is of ${read.act.sub}`);
    return {
      sub: tokens.claims().sub,
      issued_token_type: given.issued_token_type,
      introspected: await client.tokenIntrospection(await configure('next'), given.access_token),
      elsewhere: await refusal(exchange(tokens.access_token, 'https://elsewhere.example/')),
      broken: await refusal(exchange('no token of theirs', rest.calls)),
    };
  },

  async device() {
    const config = await configure();
    const DPoP = client.getDPoPHandle(config, await client.randomDPoPKeyPair('ES256'));
    const ask = () => client.initiateDeviceAuthorization(config, { scope: 'openid profile' });
    const poll = (codes) => client.pollDeviceAuthorizationGrant(config, codes, undefined, { DPoP, signal: AbortSignal.timeout(30_000) });
    const once = (codes) => refusal(client.genericGrantRequest(config, DEVICE, { device_code: codes.device_code }));
    const [codes, other] = [await ask(), await ask()];
    const before = await once(codes);
    const [polled, refused] = [poll(codes), refusal(poll(other))];
    const said = end(await visitor.walk(codes.verification_uri_complete, nowhere));
    assert(said === 'answered-yes', `her yes ended at ${said}`);
    await visitor.walk(other.verification_uri_complete, nowhere, 'no');
    const tokens = await polled;
    return {
      before,
      again: await once(codes),
      refused: await refused,
      type: tokens.token_type,
      unproven: await refusal(client.refreshTokenGrant(config, tokens.refresh_token)),
      userinfo: await userinfo(config, tokens, { DPoP }),
    };
  },

  async ciba() {
    const config = await configure();
    const question = { scope: 'openid profile', login_hint: login, binding_message: 'W4SCT' };
    const unsigned = await refusal(client.initiateBackchannelAuthentication(config, question));
    // The library makes such objects for the front channel, where there is a response type.
    const bare = { [client.modifyAssertion]: (_, claims) => delete claims.response_type };
    const object = await client.buildAuthorizationUrlWithJAR(config, question, await toSign(keys.sign), bare);
    const asked = await client.initiateBackchannelAuthentication(config, { request: object.searchParams.get('request') });
    const once = () => refusal(client.genericGrantRequest(config, CIBA, { auth_req_id: asked.auth_req_id }));
    const before = await once();
    const polled = client.pollBackchannelAuthenticationGrant(config, asked, undefined, { signal: AbortSignal.timeout(30_000) });
    const said = end(await visitor.findQuestion(issuer));
    assert(said === 'answered-yes', `her yes ended at ${said}`);
    const tokens = await polled;
    return { unsigned, before, again: await once(), userinfo: await userinfo(config, tokens) };
  },

  async machine() {
    const config = await configure('own', {}, { algorithm: 'oauth2' });
    const DPoP = client.getDPoPHandle(config, await client.randomDPoPKeyPair('ES256'));
    const given = await client.clientCredentialsGrant(config, { resource: rest.resource }, { DPoP });
    const told = await client.tokenIntrospection(config, given.access_token);
    const wider = await refusal(client.clientCredentialsGrant(config, { scope: 'grades.write' }));
    const read = await served(config, given.access_token, rest.resource, DPoP);
    assert(read.cnf.jkt === told.cnf.jkt && read.jti === told.jti, 'the token says other things than the provider says of it');
    return { ...told, type: given.token_type, wider };
  },

  async step_up() {
    const config = await configure();
    const asked = { scope: 'openid mingji.admin', resource: rest.api };
    const call = (tokens) => client.fetchProtectedResource(config, tokens.access_token, new URL(rest.record), 'GET');
    const first = await signOn(config, asked);
    await new Promise((resolve) => setTimeout(resolve, rest.wait));
    const refused = await call(first).then(() => undefined, (fault) => fault);
    assert(refused instanceof client.WWWAuthenticateChallengeError, 'an old sign-in was enough');
    const { error, max_age } = refused.cause[0].parameters;
    const second = await signOn(config, { ...asked, max_age });
    const renewed = second.claims().auth_time > first.claims().auth_time;
    // Nobody has this record: whoever hears that has come through.
    return { error, max_age, renewed, after: (await call(second)).status };
  },

  async registration() {
    const metadata = {
      client_name: 'A client from elsewhere', redirect_uris: [redirectUri()], scope: 'openid profile',
      grant_types: ['authorization_code', 'refresh_token'], response_types: ['code'],
      token_endpoint_auth_method: 'client_secret_post', id_token_signed_response_alg: 'ES256', [client.clockSkew]: ahead,
    };
    const options = { initialAccessToken: rest.initial, execute: [client.allowInsecureRequests] };
    const register = () => client.dynamicClientRegistration(new URL(issuer), metadata, undefined, options);
    const config = await register();
    client.enableNonRepudiationChecks(config);
    const second = await refusal(register());
    const tokens = await signOn(config);
    const told = await userinfo(config, tokens);

    const { registration_client_uri, registration_access_token, client_id_issued_at, client_secret_expires_at, ...kept } = config.clientMetadata();
    const manage = (method, body) => {
      const headers = new Headers(body && { 'content-type': 'application/json' });
      return client.fetchProtectedResource(config, registration_access_token, new URL(registration_client_uri), method, body, headers);
    };
    const read = await (await manage('GET')).json();
    const changed = await (await manage('PUT', JSON.stringify({ ...kept, client_name: 'Under another name' }))).json();
    const gone = await manage('DELETE');
    assert(gone.status === 204, `the end of a registration: ${gone.status}`);
    const after = await refusal(client.refreshTokenGrant(config, tokens.refresh_token));
    return { userinfo: told, read: read.client_name, changed: changed.client_name, after, second };
  },

  async fapi() {
    const config = await configure();
    client.useJwtResponseMode(config);
    const key = await toSign(keys.sign);
    const DPoP = client.getDPoPHandle(config, await client.randomDPoPKeyPair('ES256'));
    const arrive = async () => {
      const { checks, parameters } = await request();
      const object = await client.buildAuthorizationUrlWithJAR(config, parameters, key);
      const url = await client.buildAuthorizationUrlWithPAR(config, { request: object.searchParams.get('request') });
      return { checks, parameters, answer: await back(url) };
    };
    const { checks, parameters, answer } = await arrive();
    const unsigned = await refusal(client.buildAuthorizationUrlWithPAR(config, parameters));
    await isForged(redeem(config, answer, { ...checks, expectedState: 'another' }, { DPoP }), 'another state');
    const tokens = await redeem(config, answer, checks, { DPoP });
    await userinfo(config, tokens, { DPoP });
    const stolen = await refusal(userinfo(config, tokens));
    const refreshed = await client.refreshTokenGrant(config, tokens.refresh_token, undefined, { DPoP });
    const second = await arrive();
    const unbound = await refusal(redeem(config, second.answer, second.checks));
    const rotated = refreshed.refresh_token !== undefined && refreshed.refresh_token !== tokens.refresh_token;
    return { type: tokens.token_type, unsigned, stolen, unbound, rotated };
  },

  async proofs() {
    const config = await configure();
    const asked = new Set();
    overhear(config, async (path, response) => {
      const said = `${response.headers.get('www-authenticate')} ${response.ok ? '' : await response.text()}`;
      if (said.includes('use_dpop_nonce')) asked.add(path);
    });
    // With a key of its own for each; each time by one that remembers no nonce.
    const prove = async (alg) => {
      const pair = await client.randomDPoPKeyPair(alg);
      const proving = () => ({ DPoP: client.getDPoPHandle(config, pair) });
      const { checks, parameters } = await request();
      const answer = await back(await client.buildAuthorizationUrlWithPAR(config, parameters, proving()));
      const tokens = await redeem(config, answer, checks, proving());
      await userinfo(config, tokens, proving());
      return tokens.token_type;
    };
    const types = {};
    for (const alg of config.serverMetadata().dpop_signing_alg_values_supported) types[alg] = await prove(alg);
    return { types, asked: [...asked].sort(), unannounced: await refusal(prove('RS256')) };
  },

  async certificates() {
    const showing = async (pem) => {
      const config = await configure('own', { use_mtls_endpoint_aliases: true });
      config[client.customFetch] = (url, options) => (url.startsWith('https:') ? withCertificate(url, options, pem) : fetch(url, options));
      return config;
    };
    const [own, other, nobody] = [await showing(tls.own), await showing(tls.other), await showing()];
    const { checks, parameters } = await request();
    const answer = await back(await client.buildAuthorizationUrlWithPAR(own, parameters));
    const unknown = [];
    for (const config of [nobody, other]) unknown.push(await refusal(redeem(config, answer, checks)));
    const tokens = await redeem(own, answer, checks);
    await userinfo(own, tokens);
    const stolen = [];
    for (const config of [nobody, other]) stolen.push(await refusal(userinfo(config, tokens)));
    const told = await client.tokenIntrospection(own, tokens.access_token);
    return { confirmation: told.cnf['x5t#S256'], nobody: unknown[0], other: unknown[1], stolen };
  },
};

/** As `fetch` would, showing a certificate; Node.js's own shows none. */
function withCertificate(url, { method, headers, body, signal }, pem) {
  return new Promise((resolve, reject) => {
    const sent = overTls(url, { method, headers, signal, ca: tls.server, cert: pem, key: pem, agent: false }, async (answer) => {
      const chunks = await answer.toArray().catch(reject);
      resolve(new Response(Buffer.concat(chunks), { status: answer.statusCode, headers: answer.headers }));
    });
    sent.on('error', reject);
    sent.end(body === undefined || body === null ? undefined : String(body));
  });
}

const way = process.argv[2];
try {
  console.log(JSON.stringify(await WAYS[way]()));
} catch (fault) {
  const { message, code, error, error_description, cause, stack } = fault;
  console.log(JSON.stringify({ way, message, code, error, error_description, cause: cause?.message ?? cause, stack }));
  process.exitCode = 1;
}
