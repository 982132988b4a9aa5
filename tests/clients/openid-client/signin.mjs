// A relying party that nobody here wrote (npm openid-client) signs in, refreshes and signs out at a running
// provider. One JSON line for each step; exit 1 with the step that failed.
//
// ISSUER, CLIENT_ID, CLIENT_SECRET (none: a public client), REDIRECT_URI, LOGIN, PASSWORD;
// optional: POST_LOGOUT_REDIRECT_URI, SCOPE, IDENTITY (an identity's id; else the first one offered).

import * as client from 'openid-client';
import { Visitor, end, isAt } from './browser.mjs';

const { ISSUER, CLIENT_ID, CLIENT_SECRET, REDIRECT_URI, POST_LOGOUT_REDIRECT_URI, LOGIN, PASSWORD, IDENTITY } = process.env;
const SCOPE = process.env.SCOPE ?? 'openid profile offline_access';

let step = 'start';
const done = (facts = {}) => console.log(JSON.stringify({ step, ok: true, ...facts }));

function assert(holds, text) {
  if (!holds) throw new Error(text);
}

const visitor = new Visitor({ login: LOGIN, password: PASSWORD, identity: IDENTITY });

async function authorize(config, parameters) {
  const verifier = client.randomPKCECodeVerifier();
  const checks = {
    pkceCodeVerifier: verifier,
    expectedState: client.randomState(),
    expectedNonce: client.randomNonce(),
    idTokenExpected: true,
  };
  const url = client.buildAuthorizationUrl(config, {
    redirect_uri: REDIRECT_URI,
    scope: SCOPE,
    state: checks.expectedState,
    nonce: checks.expectedNonce,
    code_challenge: await client.calculatePKCECodeChallenge(verifier),
    code_challenge_method: 'S256',
    ...parameters,
  });
  const last = await visitor.walk(url, isAt(REDIRECT_URI));
  assert(last.arrived, `the sign-in ended on a page (${end(last)})`);
  return { checks, url: last.arrived, pages: last.pages };
}

async function main() {
  step = 'discovery';
  const options = new URL(ISSUER).protocol === 'http:' ? { execute: [client.allowInsecureRequests] } : {};
  const authentication = CLIENT_SECRET ? client.ClientSecretBasic(CLIENT_SECRET) : client.None();
  const config = await client.discovery(new URL(ISSUER), CLIENT_ID, undefined, authentication, options);
  assert(config.serverMetadata().issuer === ISSUER, 'the issuer in the metadata is another one');
  done({ issuer: ISSUER });

  step = 'sign-in';
  const first = await authorize(config, {});
  done({ pages: first.pages, iss: first.url.searchParams.get('iss') });

  step = 'token';
  const tokens = await client.authorizationCodeGrant(config, first.url, first.checks);
  const claims = tokens.claims();
  done({ token_type: tokens.token_type, expires_in: tokens.expires_in, scope: tokens.scope, claims });

  step = 'code-replay';
  const replay = await client.authorizationCodeGrant(config, first.url, first.checks).then(() => 'accepted', (fault) => fault.error ?? fault.code);
  assert(replay === 'invalid_grant', `a code was redeemed twice: ${replay}`);
  done({ error: replay });

  // The replay revoked what the code gave, so everything after it rests on a second sign-in without a page.
  step = 'single-sign-on';
  const second = await authorize(config, { prompt: 'none' });
  const current = await client.authorizationCodeGrant(config, second.url, second.checks);
  assert(second.pages.length === 0, 'the second sign-in showed a page');
  assert(current.claims().sub === claims.sub, 'the subject changed');
  assert(current.claims().auth_time === undefined || current.claims().auth_time === (claims.auth_time ?? current.claims().auth_time), 'auth_time moved without a sign-in');
  done({ sub: claims.sub });

  step = 'userinfo';
  const userinfo = await client.fetchUserInfo(config, current.access_token, claims.sub);
  done({ userinfo });

  step = 'refresh';
  assert(current.refresh_token, 'there is no refresh token');
  const refreshed = await client.refreshTokenGrant(config, current.refresh_token);
  await client.fetchUserInfo(config, refreshed.access_token, claims.sub);
  done({ rotated: refreshed.refresh_token !== undefined && refreshed.refresh_token !== current.refresh_token, expires_in: refreshed.expires_in });

  step = 'bound';
  const DPoP = client.getDPoPHandle(config, await client.randomDPoPKeyPair('ES256'));
  const fourth = await authorize(config, { prompt: 'none' });
  const bound = await client.authorizationCodeGrant(config, fourth.url, fourth.checks, undefined, { DPoP });
  await client.fetchUserInfo(config, bound.access_token, claims.sub, { DPoP });
  const kept = await client.refreshTokenGrant(config, bound.refresh_token, undefined, { DPoP });
  await client.fetchUserInfo(config, kept.access_token, claims.sub, { DPoP });
  const stolen = await client.fetchUserInfo(config, kept.access_token, claims.sub).then(() => 'accepted', () => 'refused');
  const unproven = await client.refreshTokenGrant(config, bound.refresh_token).then(() => 'accepted', (fault) => fault.error ?? fault.code);
  assert(stolen === 'refused', 'a bound access token was accepted as a bearer token');
  assert(unproven === 'invalid_grant', `a bound refresh token without a proof: ${unproven}`);
  done({ token_type: bound.token_type, rotated: kept.refresh_token !== undefined && kept.refresh_token !== bound.refresh_token });

  step = 'sign-out';
  const leaving = client.buildEndSessionUrl(config, {
    id_token_hint: refreshed.id_token ?? current.id_token,
    ...(POST_LOGOUT_REDIRECT_URI ? { post_logout_redirect_uri: POST_LOGOUT_REDIRECT_URI, state: 'gone' } : {}),
  });
  const left = await visitor.walk(leaving, isAt(POST_LOGOUT_REDIRECT_URI));
  if (POST_LOGOUT_REDIRECT_URI) {
    assert(left.arrived?.searchParams.get('state') === 'gone', `the browser was not sent back (status ${left.status})`);
  } else {
    assert(left.html?.includes('id="signed-out"'), `there is no signed-out page (status ${left.status})`);
  }
  done({ pages: left.pages, returned: Boolean(left.arrived) });

  step = 'after-sign-out';
  const third = await authorize(config, { prompt: 'none' });
  const outcome = await client.authorizationCodeGrant(config, third.url, third.checks).then(() => 'signed in', (fault) => fault.error ?? fault.code);
  assert(outcome === 'login_required', `after the sign-out prompt=none gave ${outcome}`);
  done({ error: outcome });
}

main().catch((fault) => {
  console.log(JSON.stringify({ step, ok: false, message: fault.message, code: fault.code, error: fault.error, description: fault.error_description }));
  process.exitCode = 1;
});
