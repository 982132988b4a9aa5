//! Why a request of a relying party failed, and what its developer does about it.

use crate::domain::oidc::fault::FaultKind;
use crate::domain::oidc::redirect::Part;

/// One kind of failure: what happened, and the way out.
#[derive(Clone, Copy)]
pub struct FaultText {
    pub what: &'static str,
    pub way_out: &'static str,
}

/// The texts of one language.
pub struct Faults {
    pub of: fn(FaultKind) -> FaultText,
    pub part: fn(Part) -> &'static str,
}

const fn text(what: &'static str, way_out: &'static str) -> FaultText {
    FaultText { what, way_out }
}

/// 中文。
pub const ZH: Faults = Faults { of: zh, part: part_zh };
/// English.
pub const EN: Faults = Faults { of: en, part: part_en };

fn part_zh(part: Part) -> &'static str {
    match part {
        Part::Unreadable => "不是完整的网址",
        Part::Scheme => "协议不同（http 与 https）",
        Part::Host => "主机名不同",
        Part::HostCase => "主机名的大小写不同",
        Part::Port => "端口不同，或者一边写了端口、一边没有写",
        Part::Path => "路径不同",
        Part::PathCase => "路径的大小写不同",
        Part::TrailingSlash => "只差末尾的斜杠“/”",
        Part::Query => "问号后面的参数不同",
        Part::Fragment => "带了“#”后面的部分",
        Part::Spelling => "写法不同（转义或“./”）",
    }
}

fn part_en(part: Part) -> &'static str {
    match part {
        Part::Unreadable => "it is not a whole address",
        Part::Scheme => "the scheme differs (http and https)",
        Part::Host => "the host differs",
        Part::HostCase => "the host is written in other letter case",
        Part::Port => "the port differs, or only one of the two names it",
        Part::Path => "the path differs",
        Part::PathCase => "the path is written in other letter case",
        Part::TrailingSlash => "only the slash at the end differs",
        Part::Query => "the parameters after the question mark differ",
        Part::Fragment => "it carries a part behind “#”",
        Part::Spelling => "it is spelled differently (escapes, or “./”)",
    }
}

#[allow(clippy::too_many_lines, reason = "one line for each kind")]
fn zh(kind: FaultKind) -> FaultText {
    use FaultKind as Kind;
    match kind {
        Kind::RedirectUri => text(
            "redirect_uri 和登记的不一样。",
            "两边必须逐字相同。把请求里的地址改成登记的那个，或者请登记这个地址。",
        ),
        Kind::RedirectUriMissing => {
            text("请求里没有 redirect_uri。", "OpenID Connect 要求每次都带上它，只登记了一个地址也一样。")
        }
        Kind::ResponseType => {
            text("response_type 没有登记过。", "网页应用用 code。要用别的类型，登记时写进 response_types。")
        }
        Kind::ResponseTypeUnknown => text("response_type 缺少，或者这里不支持。", "写 response_type=code。"),
        Kind::ResponseMode => {
            text("response_mode 和 response_type 不配。", "用 code 时可以不写，或者写 query、form_post。")
        }
        Kind::Nonce => text("缺少 nonce。", "从浏览器带回 ID 令牌的类型必须带 nonce：每次随机生成，收到以后核对。"),
        Kind::ScopeOpenid => {
            text("scope 里没有 openid，或者没有登记 openid。", "在 scope 里加上 openid；登记的 scope 也要有它。")
        }
        Kind::Scope => text("scope 超出了允许的范围。", "刷新时只能要同意过的、或更少；资源的 scope 要先登记。"),
        Kind::Prompt => text("prompt 的值不对。", "只能是 login、consent、select_account、create，或者单独的 none。"),
        Kind::MaxAge => text("max_age 不是秒数。", "写一个不带单位的整数，例如 max_age=900。"),
        Kind::Claims => text("claims 参数不是规定的 JSON。", "按 OpenID Connect Core 5.5 写，并做 URL 编码。"),
        Kind::Repeated => text("同一个参数出现了两次。", "每个参数只写一次；检查 URL 是不是被拼接了两遍。"),
        Kind::TooLong => text("参数太长。", "缩短 state 等参数；状态放在自己的会话里，state 只放一个随机值。"),
        Kind::PkceMissing => text(
            "缺少 PKCE 的 code_challenge。",
            "加上 code_challenge 和 code_challenge_method=S256；多数程序库有开关。",
        ),
        Kind::PkceMethod => text(
            "code_challenge 的写法不对，或者方法不是 S256。",
            "challenge 是 SHA-256 的 base64url（43 个字符），方法写 S256；不支持 plain。",
        ),
        Kind::PkceVerifier => text(
            "code_verifier 和请求时的 code_challenge 对不上。",
            "换码时要用同一次请求的 verifier；检查是不是被另一个标签页或另一台服务器的会话覆盖了。",
        ),
        Kind::PkceMalformed => text("code_verifier 的写法不对。", "43 到 128 个字符，只能是字母、数字和 - . _ ~ 。"),
        Kind::PkceStripped => text(
            "换码时带了 code_verifier，但请求时没有 code_challenge。",
            "授权请求里也要带 code_challenge；检查它是不是在路上被去掉了。",
        ),
        Kind::PushRequired => {
            text("这个客户端必须先推送请求（PAR）。", "把参数 POST 到 par 端点，浏览器只带返回的 request_uri。")
        }
        Kind::PushedUnknown => {
            text("request_uri 已经用过，或者过期了。", "推送后 90 秒内使用，只能完成一次；每次登录重新推送。")
        }
        Kind::RequestUri => {
            text("request_uri 没有登记，或者取不到。", "登记在 request_uris 里，并保证这个地址能从这里访问。")
        }
        Kind::ObjectMissing => {
            text("登记时说请求都签名，这次没有。", "把参数放进签名的请求对象（request），或者推送它。")
        }
        Kind::ObjectUnsigned => text("请求对象没有签名（alg 为 none）。", "用登记的算法和密钥签名。"),
        Kind::ObjectSignature => {
            text("请求对象的签名核对不上。", "检查算法是不是登记的那个，kid 和公钥在不在 jwks 里。")
        }
        Kind::ObjectClaims => text(
            "请求对象的内容不对。",
            "iss 和 client_id 是您的 client_id，aud 是签发者，时间有效；对象外面的参数不能和里面矛盾。",
        ),
        Kind::IdTokenHint => {
            text("id_token_hint 不是发给这个客户端的，或者说的是另一个人。", "用这里发给您的 ID 令牌原样送回。")
        }
        Kind::GrantType => text("这个 grant_type 没有登记。", "把它加进登记的 grant_types。"),
        Kind::GrantTypeUnknown => {
            text("grant_type 缺少，或者这里不支持。", "换码用 authorization_code，刷新用 refresh_token。")
        }
        Kind::CodeUnknown => {
            text("授权码不认识，或者已经过期。", "授权码只有 60 秒；收到后马上换。检查是不是换到了另一个环境。")
        }
        Kind::CodeReplayed => text(
            "同一个授权码用了两次。",
            "第二次会让第一次换到的令牌也作废。检查重试逻辑，以及浏览器刷新回调页面的情况。",
        ),
        Kind::CodeForeign => {
            text("授权码或令牌是发给另一个客户端的。", "检查配置里的 client_id，是不是混用了测试和正式环境。")
        }
        Kind::CodeRedirect => text(
            "换码时的 redirect_uri 和请求时的不同。",
            "两处要逐字相同；经过反向代理时，程序常常拼出 http 或另一个主机名。",
        ),
        Kind::CodeKey => text("授权码绑定了另一把密钥。", "请求里的 dpop_jkt 和换码时的 DPoP 证明要用同一把密钥。"),
        Kind::Ended => text("授权在这期间结束了。", "这个人退出了、收回了同意，或者账号停用了。请她重新登录。"),
        Kind::RefreshForeign => {
            text("刷新令牌不是这里发的。", "检查是不是取错了字段（例如送了访问令牌），或者来自另一个环境。")
        }
        Kind::RefreshEnded => text(
            "刷新令牌已经失效。",
            "退出登录、改密码、收回同意或太久不用都会这样。请她重新登录；要在退出后继续，申请 offline_access。",
        ),
        Kind::RefreshReplaced => {
            text("用了已经被替换的刷新令牌，整组令牌作废。", "每次刷新后保存新的刷新令牌；并发刷新要加锁。")
        }
        Kind::RefreshKey => text("刷新令牌绑定的密钥没有证明。", "用第一次的 DPoP 密钥签名；密钥要保存好。"),
        Kind::AuthMethod => {
            text("认证方法不是登记的那一种。", "看上面的“认证方法”，把程序库的 token_endpoint_auth_method 设成一样。")
        }
        Kind::AuthMixed => text(
            "一次请求里用了两种认证，或者 Authorization 头读不懂。",
            "只用一种。Basic 里的编号和密钥要先做表单编码，再做 base64。",
        ),
        Kind::SecretWrong => text("客户端密钥不对。", "检查空格、换行和环境；密钥丢了就在这里更换一个。"),
        Kind::SecretOld => {
            text("用的是已经到期的旧密钥。", "有服务器还没有换上新密钥。换上新的；新的也丢了，就再更换一次。")
        }
        Kind::ClientOff => text("这个客户端已经停用。", "请联系运营方恢复。"),
        Kind::AssertionForm => text(
            "断言的参数不对。",
            "client_assertion 和 client_assertion_type=urn:ietf:params:oauth:client-assertion-type:jwt-bearer 一起送。",
        ),
        Kind::AssertionAlg => text(
            "断言用了没有登记的算法或类型。",
            "用登记的算法；private_key_jwt 用 ES256、PS256、EdDSA 或 RS256，client_secret_jwt 用 HS256。",
        ),
        Kind::AssertionKey => text(
            "断言的 kid 不认识，或者取不到您的公钥。",
            "公钥要在登记的 jwks 里，或者 jwks_uri 能从这里访问；新密钥先发布再使用。",
        ),
        Kind::AssertionSignature => {
            text("断言的签名核对不上。", "检查私钥和公开的公钥是不是一对；用密钥签名时，检查密钥是不是刚更换过。")
        }
        Kind::AssertionIssuer => text("断言的 iss 和 sub 不是您的 client_id。", "两个都写 client_id。"),
        Kind::AssertionAudience => {
            text("断言的 aud 不是这里的签发者。", "写签发者的地址，逐字相同；FAPI 客户端只能写一个字符串。")
        }
        Kind::AssertionExpired => {
            text("断言已经过期。", "每次请求都新做一个。刚做好就过期，说明服务器的钟慢了：请校时。")
        }
        Kind::AssertionFuture => text("断言来自未来。", "服务器的钟快了：请校时（NTP）。"),
        Kind::AssertionTime => text("断言的时间不合适。", "要有 exp，写成数字的秒，离现在不超过十分钟。"),
        Kind::AssertionJti => text("断言没有可用的 jti。", "每个断言写一个不重复的 jti。"),
        Kind::AssertionReplayed => text("同一个断言用了两次。", "每次请求（包括重试）都新做一个，jti 不同。"),
        Kind::Certificate => text(
            "没有收到客户端证书，或者不是登记的那一张。",
            "请求要发到 mtls_endpoint_aliases 里的地址；检查证书的名字和有效期。",
        ),
        Kind::DpopNonce => text(
            "DPoP 证明需要这里的 nonce。",
            "这是正常的第一步：取回答里的 DPoP-Nonce，放进新的证明再试一次。一直这样，说明程序没有重试。",
        ),
        Kind::DpopProof => {
            text("DPoP 证明不对。", "typ 为 dpop+jwt，头里带公钥，用 ES256、PS256 或 EdDSA 签名，只送一个。")
        }
        Kind::DpopTime => text("DPoP 证明的时间不对。", "每次新做；如果总是这样，服务器的钟不准：请校时。"),
        Kind::DpopAddress => {
            text("DPoP 证明的 htm 或 htu 和请求不符。", "htu 是端点的外部地址，不带参数；经过代理时不要用内部主机名。")
        }
        Kind::DpopReplayed => text("同一个 DPoP 证明用了两次。", "每次请求都新做一个，jti 不同。"),
        Kind::DpopMissing => text("登记要求绑定令牌，但没有 DPoP 证明。", "令牌请求和刷新都要带 DPoP 头。"),
        Kind::Resource => {
            text("resource 没有登记，或者不允许。", "资源要由运营方登记，并写进这个客户端的 edu_resources。")
        }
        Kind::TokenMissing => text("请求里没有 token。", "把令牌放进表单的 token 字段。"),
        Kind::PostLogoutUri => {
            text("post_logout_redirect_uri 和登记的不一样。", "两边必须逐字相同；它和 redirect_uri 是分开登记的。")
        }
        Kind::LogoutHint => text("退出请求的 id_token_hint 核对不上。", "送回这里发的 ID 令牌；client_id 要和它一致。"),
        Kind::Backchannel => text(
            "CIBA 请求没有说清楚是谁，或者这个人不能在这里登录。",
            "login_hint 和 id_token_hint 只写一个；登录名不存在时，为了保密也这样回答。",
        ),
        Kind::ElsewhereUnknown => text("device_code 或 auth_req_id 不认识。", "已经用过、过期，或者是另一个客户端的。"),
        Kind::Exchange => {
            text("令牌交换的参数不对，或者不允许。", "只交换发给您服务的资源的访问令牌，目标写进 edu_resources。")
        }
        Kind::Other => text("请求被拒绝。", "看下面的原话；它和回答里的 error_description 相同。"),
    }
}

#[allow(clippy::too_many_lines, reason = "one line for each kind")]
fn en(kind: FaultKind) -> FaultText {
    use FaultKind as Kind;
    match kind {
        Kind::RedirectUri => text(
            "redirect_uri is not one that is registered.",
            "Both must be the same, character by character. Send the registered one, or have this one registered.",
        ),
        Kind::RedirectUriMissing => text(
            "The request has no redirect_uri.",
            "OpenID Connect wants it every time, even where only one is registered.",
        ),
        Kind::ResponseType => text(
            "This response_type is not registered.",
            "Web applications use code. Register others in response_types.",
        ),
        Kind::ResponseTypeUnknown => text("response_type is missing, or not served.", "Send response_type=code."),
        Kind::ResponseMode => {
            text("response_mode does not fit response_type.", "With code leave it out, or send query or form_post.")
        }
        Kind::Nonce => text(
            "nonce is missing.",
            "A type that brings an ID token through the browser needs one: random each time, compared when it comes back.",
        ),
        Kind::ScopeOpenid => text(
            "scope has no openid, or openid is not registered.",
            "Add openid to scope, and to the registered scope.",
        ),
        Kind::Scope => text(
            "The scope is wider than what is allowed.",
            "A refresh asks for what was granted, or less; scopes of resources are registered first.",
        ),
        Kind::Prompt => text(
            "prompt has a value that is not served.",
            "login, consent, select_account and create are, and none by itself.",
        ),
        Kind::MaxAge => {
            text("max_age is not a number of seconds.", "Send a whole number without a unit, as max_age=900.")
        }
        Kind::Claims => text(
            "The claims parameter is not the JSON that it should be.",
            "Write it as OpenID Connect Core 5.5 says, URL-encoded.",
        ),
        Kind::Repeated => {
            text("A parameter stands there twice.", "Send each once; look whether the URL was put together twice.")
        }
        Kind::TooLong => {
            text("A parameter is too long.", "Keep state in your own session and send a random value only.")
        }
        Kind::PkceMissing => text(
            "The PKCE code_challenge is missing.",
            "Send code_challenge and code_challenge_method=S256; most libraries have a switch.",
        ),
        Kind::PkceMethod => text(
            "code_challenge is malformed, or its method is not S256.",
            "The challenge is a SHA-256 in base64url (43 characters), the method S256; plain is not served.",
        ),
        Kind::PkceVerifier => text(
            "code_verifier does not fit the code_challenge of the request.",
            "Use the verifier of the same request; look whether another tab, or another server's session, overwrote it.",
        ),
        Kind::PkceMalformed => {
            text("code_verifier is malformed.", "43 to 128 characters: letters, digits, - . _ ~ and nothing else.")
        }
        Kind::PkceStripped => text(
            "A code_verifier came without a code_challenge in the request.",
            "Send code_challenge with the authorization request; look whether something on the way drops it.",
        ),
        Kind::PushRequired => text(
            "This client must push its requests (PAR).",
            "POST the parameters to the par endpoint; the browser carries the request_uri alone.",
        ),
        Kind::PushedUnknown => text(
            "The request_uri was used before, or has expired.",
            "Use it within 90 seconds; it ends with one answer. Push anew for every sign-in.",
        ),
        Kind::RequestUri => text(
            "request_uri is not registered, or cannot be fetched.",
            "Register it in request_uris, and make the address reachable from here.",
        ),
        Kind::ObjectMissing => text(
            "The registration says that requests are signed; this one was not.",
            "Put the parameters into a signed request object, or push one.",
        ),
        Kind::ObjectUnsigned => {
            text("The request object is not signed (alg none).", "Sign it with the registered algorithm and key.")
        }
        Kind::ObjectSignature => text(
            "The signature of the request object does not hold.",
            "Compare the algorithm with the registered one, and look whether kid and key are in your jwks.",
        ),
        Kind::ObjectClaims => text(
            "What stands in the request object is not right.",
            "iss and client_id are your client_id, aud is the issuer, its times are good, and nothing beside it contradicts it.",
        ),
        Kind::IdTokenHint => text(
            "id_token_hint was issued to another client, or names somebody else.",
            "Send the ID token that you got here, as it is.",
        ),
        Kind::GrantType => text("This grant_type is not registered.", "Add it to the registered grant_types."),
        Kind::GrantTypeUnknown => {
            text("grant_type is missing, or not served.", "authorization_code redeems a code, refresh_token refreshes.")
        }
        Kind::CodeUnknown => text(
            "The code is unknown, or has expired.",
            "A code lives 60 seconds: redeem it at once. Look whether it went to another environment.",
        ),
        Kind::CodeReplayed => text(
            "A code was used twice.",
            "The second use ends the tokens of the first. Look at retries, and at browsers that reload the callback.",
        ),
        Kind::CodeForeign => text(
            "The code or token was issued to another client.",
            "Compare the client_id in your settings; test and production may be mixed.",
        ),
        Kind::CodeRedirect => text(
            "redirect_uri at the token endpoint differs from that of the request.",
            "Both are the same, character by character. Behind a proxy, programs often build http or another host.",
        ),
        Kind::CodeKey => text(
            "The code is bound to another key.",
            "dpop_jkt of the request and the DPoP proof at the token endpoint are of one key.",
        ),
        Kind::Ended => text(
            "What was granted has ended meanwhile.",
            "She signed out, took her consent back, or her account is off. Send her through sign-in again.",
        ),
        Kind::RefreshForeign => text(
            "The refresh token is not ours.",
            "Look whether another field was sent (the access token, for one), or one of another environment.",
        ),
        Kind::RefreshEnded => text(
            "The refresh token has ended.",
            "Sign-out, a new password, a withdrawn consent or long idleness end it. Sign her in again; ask for offline_access to go on after a sign-out.",
        ),
        Kind::RefreshReplaced => text(
            "A refresh token was used that had been replaced: all of its family ended.",
            "Keep the new one after each refresh, and refresh under a lock.",
        ),
        Kind::RefreshKey => text(
            "The key that the refresh token is bound to was not proved.",
            "Sign with the DPoP key of the first time, and keep it safe.",
        ),
        Kind::AuthMethod => text(
            "The client proved itself by another method than the registered one.",
            "See “authentication” above and set token_endpoint_auth_method of your library to it.",
        ),
        Kind::AuthMixed => text(
            "Two ways of authentication in one request, or an Authorization header that cannot be read.",
            "Use one. In Basic, id and secret are form-encoded before base64.",
        ),
        Kind::SecretWrong => text(
            "The client secret is wrong.",
            "Look for blanks, line ends and environments; replace the secret here if it is lost.",
        ),
        Kind::SecretOld => text(
            "An old secret was used that has ended.",
            "Some server does not have the new one yet. Give it the new one; if that is lost too, replace it again.",
        ),
        Kind::ClientOff => text("This client is out of use.", "Ask the operator to restore it."),
        Kind::AssertionForm => text(
            "The parameters of the assertion are not right.",
            "client_assertion goes with client_assertion_type=urn:ietf:params:oauth:client-assertion-type:jwt-bearer.",
        ),
        Kind::AssertionAlg => text(
            "The assertion has an algorithm or type that is not registered.",
            "Use the registered one: ES256, PS256, EdDSA or RS256 for private_key_jwt, HS256 for client_secret_jwt.",
        ),
        Kind::AssertionKey => text(
            "The kid of the assertion is unknown, or your public keys cannot be had.",
            "The key stands in the registered jwks, or jwks_uri is reachable from here; publish a new key before you use it.",
        ),
        Kind::AssertionSignature => text(
            "The signature of the assertion does not hold.",
            "Compare private and published key; where you sign with the secret, look whether it was just replaced.",
        ),
        Kind::AssertionIssuer => {
            text("iss and sub of the assertion are not your client_id.", "Both are the client_id.")
        }
        Kind::AssertionAudience => text(
            "aud of the assertion is not our issuer.",
            "It is the issuer, character by character; for FAPI clients one text and no list.",
        ),
        Kind::AssertionExpired => text(
            "The assertion has expired.",
            "Make a new one for each request. If a fresh one has expired, your clock is slow: set it.",
        ),
        Kind::AssertionFuture => text("The assertion comes from the future.", "Your clock is fast: set it (NTP)."),
        Kind::AssertionTime => text(
            "The times of the assertion do not do.",
            "It has exp, in seconds as a number, ten minutes ahead at most.",
        ),
        Kind::AssertionJti => text("The assertion has no usable jti.", "Give each a jti of its own."),
        Kind::AssertionReplayed => {
            text("An assertion was used twice.", "Make a new one, with another jti, for each request, retries too.")
        }
        Kind::Certificate => text(
            "No client certificate came, or not the registered one.",
            "Call the address in mtls_endpoint_aliases; look at the certificate's name and dates.",
        ),
        Kind::DpopNonce => text(
            "The DPoP proof needs a nonce of ours.",
            "That is the usual first step: take DPoP-Nonce from the answer into a new proof and try again. If it goes on, the program does not try again.",
        ),
        Kind::DpopProof => text(
            "The DPoP proof is not right.",
            "typ dpop+jwt, the public key in its header, signed with ES256, PS256 or EdDSA, and only one.",
        ),
        Kind::DpopTime => text(
            "The time of the DPoP proof is not right.",
            "Make one for each request; if it goes on, set your clock.",
        ),
        Kind::DpopAddress => text(
            "htm or htu of the DPoP proof is not of this request.",
            "htu is the public address of the endpoint without parameters; behind a proxy do not use an inner host.",
        ),
        Kind::DpopReplayed => {
            text("A DPoP proof was used twice.", "Make a new one, with another jti, for each request.")
        }
        Kind::DpopMissing => text(
            "The registration wants bound tokens, and no DPoP proof came.",
            "Send the DPoP header with token requests and refreshes.",
        ),
        Kind::Resource => text(
            "The resource is not registered, or not allowed.",
            "The operator registers resources, and names them in edu_resources of this client.",
        ),
        Kind::TokenMissing => text("The request has no token.", "Send it in the form field token."),
        Kind::PostLogoutUri => text(
            "post_logout_redirect_uri is not one that is registered.",
            "Both must be the same, character by character; it is registered apart from redirect_uri.",
        ),
        Kind::LogoutHint => text(
            "id_token_hint of the sign-out cannot be verified.",
            "Send the ID token that you got here, with its own client_id.",
        ),
        Kind::Backchannel => text(
            "The CIBA request does not say whom, or she cannot sign in here.",
            "Send either login_hint or id_token_hint; a login that does not exist is answered alike, to keep that secret.",
        ),
        Kind::ElsewhereUnknown => {
            text("device_code or auth_req_id is unknown.", "It was used, has expired, or is another client's.")
        }
        Kind::Exchange => text(
            "The token exchange is not right, or not allowed.",
            "Exchange access tokens of the resources that you serve, for one that stands in edu_resources.",
        ),
        Kind::Other => {
            text("The request was refused.", "See our sentence below; it is the error_description of the answer.")
        }
    }
}
