"""A relying party that nobody here wrote (PyPI Authlib) signs in, refreshes and signs out at a running provider.

One JSON line for each step; exit 1 with the step that failed.

signin.py key FILE    makes a key, prints its public half
signin.py             walks; ISSUER, CLIENT_ID, CLIENT_KEY (that file), REDIRECT_URI, POST_LOGOUT_REDIRECT_URI, LOGIN, PASSWORD, SCOPE
"""

import json
import os
import sys
from pathlib import Path
from urllib.parse import parse_qs, urlencode, urlsplit

import requests
from authlib.common.security import generate_token
from authlib.integrations.base_client.errors import OAuthError
from authlib.integrations.requests_client import OAuth2Session
from authlib.oauth2.rfc7523 import PrivateKeyJWT
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet

from browser import Browser, forms

ALG = "ES256"


def make_key(file):
    key = ECKey.generate_key("P-256", {"use": "sig", "alg": ALG}, auto_kid=True)
    path = Path(file)
    path.touch(mode=0o600)
    path.write_text(json.dumps(key.as_dict(private=True)))
    print(json.dumps({"keys": [key.as_dict(private=False)]}))


def answer(page):
    """What a person would do on this page: its name, the form, what she fills in."""
    for form in forms(page.html):
        if form.offers("password"):
            return "password", form, {"login": os.environ["LOGIN"], "password": os.environ["PASSWORD"]}
        if form.offers("identity"):
            return "identity", form, {"identity": form.offers("identity")[0]}
        if form.offers("decision"):
            return "decision", form, {"decision": "allow"}
        if form.offers("confirm"):
            return "confirm", form, {"confirm": "yes"}
    return None


class Walk:
    def __init__(self):
        self.step = "start"
        self.issuer = os.environ["ISSUER"]
        self.back = os.environ["REDIRECT_URI"]
        self.gone = os.environ["POST_LOGOUT_REDIRECT_URI"]
        self.browser = Browser()

    def done(self, **facts):
        print(json.dumps({"step": self.step, "ok": True, **facts}, ensure_ascii=False))

    def pages(self, url, stop):
        """Walks through the provider's pages until the browser is sent to `stop`."""
        names, page = [], self.browser.go(url, stop)
        while page.html is not None and (todo := answer(page)):
            name, form, answers = todo
            assert name not in names, f"the page with {name} came again (status {page.status})"
            names.append(name)
            page = self.browser.submit(page, form, answers, stop)
        assert page.html is None, f"the walk ended on a page (status {page.status})"
        return names, page.url

    def client(self):
        key = ECKey.import_key(json.loads(Path(os.environ["CLIENT_KEY"]).read_text()))
        session = OAuth2Session(
            os.environ["CLIENT_ID"],
            key,
            token_endpoint_auth_method=PrivateKeyJWT(self.metadata["token_endpoint"], alg=ALG),
            scope=os.environ["SCOPE"],
            redirect_uri=self.back,
            code_challenge_method="S256",
        )
        session.trust_env = False
        return session

    def authorize(self, client, **more):
        """A code flow; the tokens and the checked claims of the ID token."""
        verifier, nonce = generate_token(48), generate_token(20)
        url, state = client.create_authorization_url(
            self.metadata["authorization_endpoint"], code_verifier=verifier, nonce=nonce, **more
        )
        names, answered = self.pages(url, self.back)
        said = parse_qs(urlsplit(answered).query)
        assert said["iss"] == [self.issuer], "the answer names another issuer (RFC 9207)"
        if "error" in said:
            raise OAuthError(error=said["error"][0])
        redeem = dict(authorization_response=answered, state=state, code_verifier=verifier)
        tokens = client.fetch_token(self.metadata["token_endpoint"], **redeem)
        return names, tokens, self.claims(tokens, nonce), redeem

    def claims(self, tokens, nonce):
        keys = KeySet.import_key_set(self.get(self.metadata["jwks_uri"]))
        token = jwt.decode(tokens["id_token"], keys, algorithms=self.metadata["id_token_signing_alg_values_supported"])
        options = {"iss": {"essential": True, "value": self.issuer}, "aud": {"essential": True, "value": os.environ["CLIENT_ID"]}}
        params = {"nonce": nonce, "client_id": os.environ["CLIENT_ID"], "access_token": tokens["access_token"]}
        claims = CodeIDToken(token.claims, token.header, options, params)
        claims.validate()
        return claims

    def get(self, url):
        with requests.Session() as http:
            http.trust_env = False
            answer = http.get(url, timeout=30)
        answer.raise_for_status()
        return answer.json()

    def refused(self, ask):
        try:
            ask()
        except OAuthError as fault:
            return fault.error
        raise AssertionError("it was not refused")

    def run(self):
        self.step = "discovery"
        self.metadata = self.get(f"{self.issuer}/.well-known/openid-configuration")
        assert self.metadata["issuer"] == self.issuer, "the issuer in the metadata is another one"
        self.done()

        self.step = "sign-in"
        client = self.client()
        names, _, claims, redeem = self.authorize(client)
        self.done(pages=names, claims=dict(claims))

        self.step = "code-replay"
        error = self.refused(lambda: client.fetch_token(self.metadata["token_endpoint"], **redeem))
        assert error == "invalid_grant", f"a code was redeemed twice: {error}"
        self.done(error=error)

        # The replay revoked what the code gave, so everything after it rests on a second sign-in without a page.
        self.step = "single-sign-on"
        client = self.client()
        names, tokens, second, _ = self.authorize(client, prompt="none")
        assert not names and second["sub"] == claims["sub"]
        self.done()

        self.step = "userinfo"
        userinfo = client.get(self.metadata["userinfo_endpoint"]).json()
        assert userinfo["sub"] == claims["sub"]
        self.done(userinfo=userinfo)

        self.step = "refresh"
        before = tokens["refresh_token"]
        tokens = client.refresh_token(self.metadata["token_endpoint"], refresh_token=before)
        assert client.get(self.metadata["userinfo_endpoint"]).json()["sub"] == claims["sub"]
        self.done(rotated=tokens.get("refresh_token", before) != before)

        self.step = "sign-out"
        leaving = {"id_token_hint": tokens["id_token"], "post_logout_redirect_uri": self.gone, "state": "gone"}
        names, url = self.pages(f"{self.metadata['end_session_endpoint']}?{urlencode(leaving)}", self.gone)
        assert parse_qs(urlsplit(url).query) == {"state": ["gone"]}
        self.done(pages=names)

        self.step = "after-sign-out"
        error = self.refused(lambda: self.authorize(self.client(), prompt="none"))
        assert error == "login_required", f"after the sign-out prompt=none gave {error}"
        self.done(error=error)


def main():
    if sys.argv[1:2] == ["key"]:
        make_key(sys.argv[2])
        return 0
    walk = Walk()
    try:
        walk.run()
    except Exception as fault:
        print(json.dumps({"step": walk.step, "ok": False, "message": f"{type(fault).__name__}: {fault}"}))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
