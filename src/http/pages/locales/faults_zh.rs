//! 简体中文：请求为什么失败。

use super::faults::{FaultText, text};
use crate::domain::oidc::fault::FaultKind;

#[allow(clippy::too_many_lines, reason = "one line for each kind")]
pub(super) fn zh(kind: FaultKind) -> FaultText {
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
        Kind::ClientOff => {
            text("这个客户端已经停用。", "谁停用的由谁恢复：在控制台停用的，在那里恢复；否则请联系运营方。")
        }
        Kind::AssertionForm => text(
            "断言的参数不对。",
            "client_assertion 和 client_assertion_type=urn:ietf:params:oauth:client-assertion-type:jwt-bearer 一起送。",
        ),
        Kind::AssertionAlg => text(
            "断言用了没有登记的算法或类型。",
            "用登记的算法；private_key_jwt 用 ES256、PS256、EdDSA 或 RS256，client_secret_jwt 用 HS256。",
        ),
        Kind::AssertionKey => {
            text("断言的 kid 不认识。", "公钥要在登记的 jwks 里，或者 jwks_uri 能从这里访问；新密钥先发布再使用。")
        }
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
        Kind::LogoutForeign => text(
            "退出请求的 id_token_hint 是发给另一个客户端的。",
            "client_id 和 ID 令牌要属于同一个客户端；检查是不是混用了测试和正式环境。",
        ),
        Kind::Backchannel => text(
            "CIBA 请求没有说清楚是谁，或者这个人不能在这里登录。",
            "login_hint 和 id_token_hint 只写一个；登录名不存在时，为了保密也这样回答。",
        ),
        Kind::BackchannelForm => text(
            "CIBA 请求的参数不对。",
            "binding_message 最多 128 个看得见的字符，requested_expiry 是正整数的秒；ping 方式要带 client_notification_token。",
        ),
        Kind::ElsewhereUnknown => text("device_code 或 auth_req_id 不认识。", "已经用过、过期，或者是另一个客户端的。"),
        Kind::Exchange => text(
            "令牌交换的参数不对。",
            "subject_token 和 subject_token_type 都要写，只能是访问令牌；目标写 resource，一次一个。",
        ),
        Kind::ExchangeToken => text(
            "要交换的 subject_token 不能用。",
            "它要没有过期、发给登记在您 edu_serves 里的资源；绑定了密钥的，您也要证明自己的密钥；最多转三次。",
        ),
        Kind::ExchangeTarget => {
            text("不能换到这个资源的令牌。", "目标要写进 edu_resources；名籍自己的 API 不参加交换。")
        }
        Kind::Details => text(
            "authorization_details 的写法和类型不符。",
            "它是 JSON 数组，每项写 type；成员和取值只能用运营方给这个类型定义的（看原话），locations 要是类型的资源。",
        ),
        Kind::DetailsType => text(
            "没有登记这种 authorization_details。",
            "把 type 写进登记的 authorization_details_types；有的类型只给运营方登记的客户端。",
        ),
        Kind::DetailsFlow => text("authorization_details 只能配用授权码换令牌的流程。", "用 response_type=code。"),
        Kind::DetailsGrant => text(
            "要的 authorization_details 超出了本人同意的，或者不属于这个资源。",
            "换码和刷新时只能写同意过的、或更少；一次只为一个资源要令牌时，写上 resource。",
        ),
        Kind::NoForm => text(
            "请求体不是表单。",
            "Content-Type 用 application/x-www-form-urlencoded，参数写成表单；这些端点不收 JSON。",
        ),
        Kind::ParameterMissing => text("缺少这种 grant_type 必须的参数。", "看原话里的名字；空的和重复的也算没有。"),
        Kind::NotServed => text("用了这里不支持的参数。", "去掉原话里说的那个参数。"),
        Kind::Keys => text(
            "取不到您的公钥。",
            "jwks_uri 要能从这里访问，10 秒内返回有效的 JWKS；要加密回答的，里面要有 use 为 enc 的 P-256 公钥。改好后过几秒再试。",
        ),
        Kind::Document => text(
            "它的登记文件现在读不到，或者不合格，所以不认识这个客户端。",
            "在浏览器里打开一次授权请求，错误页面会说明文件哪里不对。",
        ),
        Kind::ObjectReplayed => text("同一个签名的请求用了两次，或者太旧。", "每次请求都新签一个，jti 不同。"),
        Kind::IntrospectPublic => {
            text("公开客户端不能查询令牌。", "查询令牌的服务要有密钥或证书；请登记成要认证的客户端。")
        }
        Kind::AccessToken => text(
            "访问令牌已经失效。",
            "它只有几分钟；本人退出、收回同意，或者账号停用，也会提前结束。用刷新令牌换新的，换不到就请她重新登录。",
        ),
        Kind::AccessTokenKind => text("送来的是 ID 令牌，不是访问令牌。", "userinfo 要的是令牌回答里的 access_token。"),
        Kind::AccessTokenAudience => {
            text("这个访问令牌是给别的资源的。", "userinfo 用登录时换到的、没有写 resource 的访问令牌。")
        }
        Kind::AccessTokenKey => text(
            "访问令牌绑定了密钥，请求没有证明它。",
            "用 Authorization: DPoP，带上同一把密钥的证明；绑定证书的，用同一张证书连接。没有绑定的令牌用 Bearer。",
        ),
        Kind::Other => text("请求被拒绝。", "看下面的原话；它和回答里的 error_description 相同。"),
    }
}
