//! Every sentence of the pages in both languages. A missing one does not compile.

use crate::domain::locale::Locale;

macro_rules! words {
    ($($name:ident: $zh:literal, $en:literal;)*) => {
        /// The fixed words of the pages.
        pub(super) struct Words { $(pub $name: &'static str,)* }
        static ZH: Words = Words { $($name: $zh,)* };
        static EN: Words = Words { $($name: $en,)* };
    };
}

words! {
    switch_language: "English", "中文";
    open_space: "进入我的空间", "Open my space";
    sign_in_note: "使用国家教育体系统一账号登录，无需注册，也无需绑定。", "Sign in with your national education account. Nothing to register, nothing to link.";
    provider_is: "身份由此处确认：", "Identity confirmed by";
    signed_in_as: "当前登录：", "Signed in as";
    my_space: "我的空间", "My space";
    hello: "您好，", "Hello, ";
    what_we_know: "本平台获知的信息", "What this platform was told";
    what_we_know_note: "以下内容由统一认证提供，本平台没有向您索取过。", "All of this came with your sign-in; we never asked you for it.";
    active_identity: "当前身份", "Active identity";
    no_identity: "本次登录未提供身份", "No identity came with this sign-in";
    identities: "全部身份", "All identities";
    classes: "班级", "Classes";
    children: "孩子", "Children";
    guardians: "监护人", "Guardians";
    about_you: "关于您", "About you";
    age_band: "年龄段", "Age band";
    real_name: "实名状态", "Real name";
    verified: "已核验", "verified";
    unverified: "未核验", "not verified";
    level: "等级", "level";
    home_platform: "归属平台", "Home platform";
    space_id: "个人空间", "Personal space";
    subject: "用户标识", "Subject";
    tokens: "登录凭证", "Tokens";
    access_token: "访问令牌", "Access token";
    id_token: "身份令牌", "ID token";
    refresh_token: "续期令牌", "Refresh token";
    signed_in_at: "登录时间", "Signed in at";
    scope: "授权范围", "Scope";
    held: "有", "held";
    not_held: "无", "none";
    left: "剩余", "left";
    over: "已到期", "over";
    refresh: "刷新信息", "Refresh";
    switch_identity: "切换身份", "Switch identity";
    sign_out: "退出登录", "Sign out";
    raw: "查看原始数据", "Show the raw data";
    raw_id_token: "身份令牌的内容（签名已验证）", "Claims of the ID token (signature verified)";
    raw_userinfo: "用户信息接口的回答", "Answer of the userinfo endpoint";
    out_everywhere: "您已退出全部平台", "You are signed out everywhere";
    out_everywhere_note: "统一认证和其他平台的登录都已结束。", "The sign-in itself and the other platforms have ended too.";
    out_here: "您已退出本平台", "You are signed out here";
    out_here_note: "其他平台可能仍处于登录状态。使用公用电脑时，请关闭浏览器。", "Other platforms may still be signed in. On a shared computer, close the browser.";
    error_title: "这一步没有完成", "This step did not complete";
    error_code: "代码", "Code";
    try_again: "重新登录", "Sign in again";
    go_home: "返回首页", "Back to the start";
    elsewhere: "其他平台", "Other platforms";
}

/// The words of a language.
pub(super) fn of(locale: Locale) -> &'static Words {
    match locale {
        Locale::Zh => &ZH,
        Locale::En => &EN,
    }
}

/// What to tell the person about an error code: what happened, and what helps.
pub(super) fn sentence(code: &str, locale: Locale) -> &'static str {
    let (zh, en) = match code {
        "access_denied" => (
            "登录没有获得许可。您或监护人可能选择了不同意，可以稍后再试。",
            "The sign-in was not allowed. You or a guardian may have declined; you can try again later.",
        ),
        "consent_required" => (
            "使用本平台前需要取得同意。未满十四周岁的学生请让监护人先完成同意。",
            "Consent is needed first. For a student under 14, a guardian has to give it.",
        ),
        "login_required" | "interaction_required" | "account_selection_required" => (
            "需要您亲自完成登录。请点击“重新登录”。",
            "You need to complete the sign-in yourself. Choose “Sign in again”.",
        ),
        "provider_unavailable" | "temporarily_unavailable" | "server_error" => (
            "统一认证暂时没有响应，请过一会儿再试。",
            "The sign-in service does not answer right now. Please try again in a moment.",
        ),
        "session_ended" => (
            "您的登录已经结束，可能是在其他平台退出了。",
            "Your session has ended, perhaps because you signed out on another platform.",
        ),
        "state_mismatch" => (
            "这个登录链接已经用过、已过期，或来自另一个浏览器。请重新开始。",
            "This sign-in was already used, took too long, or began in another browser. Please start again.",
        ),
        "form_expired" => ("页面已过期，请返回后重试。", "The page was out of date. Go back and try again."),
        _ => (
            "登录的结果没有通过检查，为了您的安全已经停止。请重新登录；如果再次出现，请把下面的代码告诉管理员。",
            "The result of the sign-in did not pass our checks, so we stopped. Sign in again; if it happens again, give the code below to your administrator.",
        ),
    };
    pick(zh, en, locale)
}

/// An identity kind or a role in a class; what we do not know is shown as it is.
pub(super) fn kind(code: &str, locale: Locale) -> String {
    let (zh, en) = match code {
        "student" => ("学生", "Student"),
        "teacher" => ("教师", "Teacher"),
        "head_teacher" => ("班主任", "Head teacher"),
        "parent" => ("家长", "Parent"),
        "school_staff" => ("学校工作人员", "School staff"),
        "institution_staff" => ("机构工作人员", "Staff of an institution"),
        other => (other, other),
    };
    pick(zh, en, locale).to_owned()
}

/// A subject of JY/T 1001 (ZXXKC); what we do not know is shown as it is.
pub(super) fn subject(code: &str, locale: Locale) -> String {
    let (zh, en) = match code {
        "13" => ("语文", "Chinese"),
        "14" => ("数学", "Mathematics"),
        "15" => ("科学", "Science"),
        "16" => ("物理", "Physics"),
        "17" => ("化学", "Chemistry"),
        "18" => ("生物", "Biology"),
        "20" => ("地理", "Geography"),
        "21" => ("历史", "History"),
        "22" => ("体育与健康", "Physical education"),
        "24" => ("音乐", "Music"),
        "25" => ("美术", "Fine art"),
        "41" => ("英语", "English"),
        other => (other, other),
    };
    pick(zh, en, locale).to_owned()
}

/// A kinship code of GB/T 4761-2008, seen from the child.
pub(super) fn relation(code: &str, locale: Locale) -> String {
    let (zh, en) = match code {
        "50" => ("父母", "Parent"),
        "51" => ("父亲", "Father"),
        "52" => ("母亲", "Mother"),
        "57" => ("继父或养父", "Step- or adoptive father"),
        "58" => ("继母或养母", "Step- or adoptive mother"),
        "60" | "61" | "62" | "63" | "64" => ("祖辈", "Grandparent"),
        other => (other, other),
    };
    pick(zh, en, locale).to_owned()
}

/// An age band.
pub(super) fn age_band(code: &str, locale: Locale) -> String {
    let (zh, en) = match code {
        "under14" => ("未满十四周岁", "under 14"),
        "14to17" => ("十四至十七周岁", "14 to 17"),
        "adult" => ("成年", "adult"),
        other => (other, other),
    };
    pick(zh, en, locale).to_owned()
}

/// A grade: a letter for the stage and the year in it; what we do not know is shown as it is.
pub(super) fn grade(code: &str, locale: Locale) -> String {
    let year = |number: &str| {
        let zh = ["一", "二", "三", "四", "五", "六"];
        number.parse::<usize>().ok().and_then(|n| zh.get(n.checked_sub(1)?)).copied()
    };
    let Some((stage, number)) = code.split_at_checked(1) else { return code.to_owned() };
    match (stage, number, year(number)) {
        ("K", "1", _) => pick("小班", "kindergarten year 1", locale).to_owned(),
        ("K", "2", _) => pick("中班", "kindergarten year 2", locale).to_owned(),
        ("K", "3", _) => pick("大班", "kindergarten year 3", locale).to_owned(),
        ("P", n, Some(zh)) => pick(&format!("小学{zh}年级"), &format!("primary grade {n}"), locale).to_owned(),
        ("J", n, Some(zh)) => pick(&format!("初中{zh}年级"), &format!("junior grade {n}"), locale).to_owned(),
        ("S", n, Some(zh)) => pick(&format!("高中{zh}年级"), &format!("senior grade {n}"), locale).to_owned(),
        ("V", n, Some(zh)) => pick(&format!("职校{zh}年级"), &format!("vocational year {n}"), locale).to_owned(),
        _ => code.to_owned(),
    }
}

fn pick<'a>(zh: &'a str, en: &'a str, locale: Locale) -> &'a str {
    match locale {
        Locale::Zh => zh,
        Locale::En => en,
    }
}
