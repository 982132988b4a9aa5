//! What is wrong with the document of a client's own, for those who wrote it.

use crate::domain::oidc::fault::DocumentFault;

/// 中文。
pub fn zh(fault: DocumentFault) -> &'static str {
    match fault {
        DocumentFault::Away => {
            "文件所在的服务器现在连不上、太慢或者出错。请检查它能不能从公网访问，证书对不对；过几秒再试。"
        }
        DocumentFault::Status => {
            "这个地址回答的不是 200。文件要直接放在这个地址上，不能转到别处（不跟随跳转），也不能要求登录。"
        }
        DocumentFault::Closed => "这个地址不在公网上，或者不是 https，这里不能访问。",
        DocumentFault::TooLong => "文件太长：最多 5 KiB。",
        DocumentFault::NotJson => "这不是 JSON：Content-Type 要是 application/json，内容是一个 JSON 对象。",
        DocumentFault::ClientId => "文件里的 client_id 和它自己的地址不是逐字相同。",
        DocumentFault::Secret => {
            "文件谁都能看到，不能放密钥：去掉 client_secret；token_endpoint_auth_method 用 none、private_key_jwt 或证书。"
        }
        DocumentFault::Member => "有一项的类型或取值这里不认识，例如该写数组的写成了文字。",
        DocumentFault::RedirectUris => {
            "redirect_uris 要和文件在同一个源（协议、主机、端口都相同）；程序在本机的，写 application_type 为 native。"
        }
        DocumentFault::Metadata => "登记的内容没有通过检查：只能是第三方应用，用授权码和 PKCE，各项要互相配合。",
        DocumentFault::Sector => {
            "文件改动后，这个应用认人的编号会变，所以没有采用：sector_identifier_uri 定下以后不能再改。"
        }
    }
}

/// English.
pub fn en(fault: DocumentFault) -> &'static str {
    match fault {
        DocumentFault::Away => {
            "Its server cannot be reached, is too slow, or fails. See that it is reachable from the internet and its certificate is good; try again in some seconds."
        }
        DocumentFault::Status => {
            "The address did not answer 200. The document stands at the address itself: redirects are not followed, and nobody signs in to read it."
        }
        DocumentFault::Closed => {
            "The address is not on the public internet, or not https, and cannot be reached from here."
        }
        DocumentFault::TooLong => "The document is too long: 5 KiB at most.",
        DocumentFault::NotJson => {
            "It is not JSON: the Content-Type is application/json, and the contents are one JSON object."
        }
        DocumentFault::ClientId => "The client_id in the document is not its own address, character by character.",
        DocumentFault::Secret => {
            "Everybody reads the document, so that no secret stands in it: leave out client_secret; token_endpoint_auth_method is none, private_key_jwt or a certificate."
        }
        DocumentFault::Member => "A member has a type or value that is not known here, a text for a list for one.",
        DocumentFault::RedirectUris => {
            "redirect_uris are at the origin of the document (same scheme, host and port); a program on the person's own device says application_type native."
        }
        DocumentFault::Metadata => {
            "The registration did not pass: it is an application, with codes and PKCE, and its members fit together."
        }
        DocumentFault::Sector => {
            "With this change the application would know people by other identifiers, so it was not taken: sector_identifier_uri never changes."
        }
    }
}
