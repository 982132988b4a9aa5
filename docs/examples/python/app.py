"""一个接入名籍的平台，用 PyPI Authlib 和 Flask：登录、退出、在别处退出。
A platform that signs people in at Mingji: sign-in, sign-out, and the sign-out that happens elsewhere.

ISSUER, CLIENT_ID, CLIENT_SECRET; BASE_URL: where people find this platform, without a slash at the end;
SECRET_KEY: signs the cookie, the same in every process.
"""

import os
import secrets
import time
from urllib.parse import urlsplit

from authlib.integrations.base_client.errors import OAuthError
from authlib.integrations.flask_client import OAuth
from flask import Flask, jsonify, redirect, render_template_string, request, session
from joserfc import jwt
from joserfc.errors import InvalidKeyIdError, JoseError
from joserfc.jwk import KeySet

ISSUER, CLIENT_ID, BASE_URL = os.environ["ISSUER"], os.environ["CLIENT_ID"], os.environ["BASE_URL"]
LOGOUT_EVENT = "http://schemas.openid.net/event/backchannel-logout"
SECURE = BASE_URL.startswith("https:")

app = Flask(__name__)
app.config.update(
    SECRET_KEY=os.environ["SECRET_KEY"],
    # Ports of one host share their cookies, so the name is this program's own.
    SESSION_COOKIE_NAME="__Host-py-example" if SECURE else "py-example",
    SESSION_COOKIE_SECURE=SECURE,
    SESSION_COOKIE_SAMESITE="Lax",
    MAX_CONTENT_LENGTH=16384,
)
provider = OAuth(app).register(
    "mingji",
    client_id=CLIENT_ID,
    client_secret=os.environ["CLIENT_SECRET"],
    server_metadata_url=f"{ISSUER}/.well-known/openid-configuration",
    client_kwargs={"scope": "openid profile edu", "code_challenge_method": "S256"},
)

# In memory, and nothing here ends by itself: a platform with more than one process keeps both in its database.
# Flask's own session lies in the cookie and cannot be taken back: it holds no more than the key of one of these.
sessions, spent_logout_tokens = {}, set()

PAGE = """<!doctype html><meta charset="utf-8"><title>Authlib</title>
{% if problem %}<p id="problem">{{ problem }}</p><a href="/login">再试一次 Try again</a>
{% elif who %}<p><b id="name">{{ who.name }}</b> <code id="sub">{{ who.sub }}</code></p>
<form method="post" action="/logout"><button>退出 Sign out</button></form>
{% elif gone %}<p id="signed-out">已退出 Signed out</p>
{% else %}<a id="login" href="/login">登录 Sign in</a>{% endif %}"""


@app.get("/")
def home():
    return render_template_string(PAGE, who=sessions.get(session.get("key")))


@app.get("/login")
def login():
    # Draws state, nonce and PKCE verifier, and keeps them in this browser's session.
    return provider.authorize_redirect(f"{BASE_URL}/callback")


@app.get("/callback")
def callback():
    # RFC 9207, 2.4: the library does not look at it. Errors name the issuer too.
    if provider.load_server_metadata()["issuer"] != ISSUER or request.args.get("iss") != ISSUER:
        return render_template_string(PAGE, problem="iss"), 400
    options = {"iss": {"essential": True, "value": ISSUER}, "aud": {"essential": True, "value": CLIENT_ID}}
    try:
        tokens = provider.authorize_access_token(claims_options=options, leeway=10)
        claims = tokens["userinfo"]
        about = provider.userinfo(token=tokens)
    except (OAuthError, JoseError) as fault:
        return render_template_string(PAGE, problem=getattr(fault, "error", "failed")), 400
    if about["sub"] != claims["sub"]:
        return render_template_string(PAGE, problem="userinfo is about somebody else"), 400
    # A new key each time: whoever planted one before has nothing (session fixation).
    sessions.pop(session.get("key"), None)
    session.clear()
    session["key"] = secrets.token_urlsafe(32)
    sessions[session["key"]] = {"sub": claims["sub"], "sid": claims["sid"], "name": about.get("name"), "id_token": tokens["id_token"]}
    return redirect("/")


@app.post("/logout")
def logout():
    gone = sessions.pop(session.get("key"), None)
    session.clear()
    if gone is None:
        return redirect("/")
    return provider.logout_redirect(f"{BASE_URL}/signed-out", id_token_hint=gone["id_token"])


@app.get("/signed-out")
def signed_out():
    return render_template_string(PAGE, gone=True)


def read_logout_token(text):
    """OpenID Connect Back-Channel Logout 1.0, 2.6; what is wrong raises."""
    try:
        token = jwt.decode(text, KeySet.import_key_set(provider.fetch_jwk_set()), algorithms=["RS256"])
    except InvalidKeyIdError:  # the provider has changed its keys
        token = jwt.decode(text, KeySet.import_key_set(provider.fetch_jwk_set(force=True)), algorithms=["RS256"])
    expected = {name: {"essential": True} for name in ("iat", "exp", "jti", "events")}
    expected |= {"iss": {"essential": True, "value": ISSUER}, "aud": {"essential": True, "value": CLIENT_ID}}
    jwt.JWTClaimsRegistry(leeway=10, **expected).validate(token.claims)
    claims = token.claims
    well_formed = (
        token.header.get("typ") == "logout+jwt"
        and isinstance(claims["events"], dict)
        and isinstance(claims["events"].get(LOGOUT_EVENT), dict)
        and "nonce" not in claims
        and (claims.get("sid") or claims.get("sub"))
        and claims["iat"] > time.time() - 600
    )
    if not well_formed:
        raise ValueError("not a logout token of ours")
    return claims


@app.post("/backchannel-logout")
def backchannel_logout():
    provider.load_server_metadata()
    # Whatever is not 200 or 204 is sent again; 400 is for a token that is wrong.
    try:
        claims = read_logout_token(request.form.get("logout_token", ""))
    except (JoseError, ValueError):
        return jsonify(error="invalid_request"), 400, {"cache-control": "no-store"}
    # One that comes again is one whose answer got lost: 400 would only let it come again.
    if claims["jti"] not in spent_logout_tokens:
        member = "sid" if claims.get("sid") else "sub"
        for key in [key for key, known in sessions.items() if known[member] == claims[member]]:
            sessions.pop(key, None)
        spent_logout_tokens.add(claims["jti"])
    return "", 204, {"cache-control": "no-store"}


if __name__ == "__main__":
    app.run("127.0.0.1", urlsplit(BASE_URL).port or 8000)
