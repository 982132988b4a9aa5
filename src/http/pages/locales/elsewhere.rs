//! Answering a question that another device asked: the page where a code is typed, the question itself, and what follows.

use super::{Counted, With};

/// The texts.
pub struct Elsewhere {
    pub type_title: &'static str,
    pub type_lead: &'static str,
    pub code: &'static str,
    pub code_hint: &'static str,
    pub go_on: &'static str,
    pub unknown_code: &'static str,
    pub too_many: Counted,
    pub confirm_title: With,
    pub of_device: With,
    pub of_client: With,
    pub compare_code: &'static str,
    pub compare_text: &'static str,
    pub beside_you: &'static str,
    pub from_elsewhere: With,
    pub from_page: With,
    pub not_yours: &'static str,
    pub yes: &'static str,
    pub no: &'static str,
    pub yes_title: &'static str,
    pub yes_lead: With,
    pub no_title: &'static str,
    pub no_lead: With,
    pub before_title: &'static str,
    pub before_lead: With,
    pub waiting_heading: &'static str,
    pub waiting_lead: &'static str,
    pub look: &'static str,
}

/// Where somebody is signed in.
pub struct Devices {
    pub title: &'static str,
    pub lead: &'static str,
    pub link: &'static str,
    pub here: &'static str,
    pub since: &'static str,
    pub last_seen: &'static str,
    pub lasting: &'static str,
    pub unknown: &'static str,
    pub of_client: With,
    pub end: &'static str,
    pub end_others: &'static str,
    pub home: &'static str,
}

/// 中文。
pub const DEVICES_ZH: Devices = Devices {
    title: "登录着的设备",
    lead: "这些设备现在登录着您的账号。不认识的，请马上退出，再修改密码。",
    link: "登录着的设备",
    here: "就是这一台",
    since: "开始于",
    last_seen: "最近使用",
    lasting: "已经不在登录状态，但那里的应用仍可以使用您的账号。",
    unknown: "没有说明的设备",
    of_client: |name| format!("“{name}”的设备"),
    end: "退出这一台",
    end_others: "退出其他所有设备",
    home: "回到首页",
};

/// English.
pub const DEVICES_EN: Devices = Devices {
    title: "Devices that are signed in",
    lead: "These devices use your account now. If you do not know one, sign it out and change your password.",
    link: "Devices that are signed in",
    here: "this one",
    since: "since",
    last_seen: "last used",
    lasting: "No longer signed in, but an app there may still use your account.",
    unknown: "A device that does not say what it is",
    of_client: |name| format!("A device of “{name}”"),
    end: "Sign it out",
    end_others: "Sign out all others",
    home: "Home page",
};

/// 中文。
pub const ZH: Elsewhere = Elsewhere {
    type_title: "在另一台设备上登录",
    type_lead: "请输入电视、大屏或其他设备上显示的代码。",
    code: "设备上的代码",
    code_hint: "八个字母，没有数字。",
    go_on: "继续",
    unknown_code: "没有找到这个代码，或者它已经过期。请对照设备，再输一次。",
    too_many: |minutes| format!("试的次数太多了。请等 {minutes} 分钟再试。"),
    confirm_title: |name| format!("要登录“{name}”吗？"),
    of_device: |name| format!("另一台设备想用您的账号登录“{name}”。"),
    of_client: |name| format!("“{name}”请您确认这次登录。"),
    compare_code: "设备上应当显示这个代码：",
    compare_text: "对方也应当显示这句话：",
    beside_you: "如果设备不在您身边，请不要同意。",
    from_elsewhere: |address| format!("它在另一个网络上（{address}）。如果设备不在您身边，请不要同意。"),
    from_page: |origin| format!("这次登录由一个网页发起（{origin}）。如果设备不在您身边，请不要同意。"),
    not_yours: "如果不是您自己在操作，或者是别人发给您的代码，请按“拒绝”。",
    yes: "是我，登录",
    no: "拒绝",
    yes_title: "已经登录",
    yes_lead: |name| format!("请回到那台设备上使用“{name}”。这一页可以关掉。"),
    no_title: "没有登录",
    no_lead: |name| format!("“{name}”没有得到您的任何信息。这一页可以关掉。"),
    before_title: "早已有了答案",
    before_lead: |name| {
        format!("“{name}”的这次登录在您拒绝之前已经有了答案，或者已经过期。如果有一台设备不该登录，请马上把它退出。")
    },
    waiting_heading: "等您确认的登录",
    waiting_lead: "有平台说您正在登录。请看清楚再决定。",
    look: "查看",
};

/// English.
pub const EN: Elsewhere = Elsewhere {
    type_title: "Sign in on another device",
    type_lead: "Type the code that the television, board or other device shows.",
    code: "Code on the device",
    code_hint: "Eight letters, no digits.",
    go_on: "Continue",
    unknown_code: "This code was not found, or it has expired. Compare it with the device and type it again.",
    too_many: |minutes| format!("Too many tries. Please wait {minutes} minutes."),
    confirm_title: |name| format!("Sign in to “{name}”?"),
    of_device: |name| format!("Another device wants to use your account at “{name}”."),
    of_client: |name| format!("“{name}” asks you to confirm a sign-in."),
    compare_code: "The device should show this code:",
    compare_text: "The other side should show these words too:",
    beside_you: "If the device is not beside you, say no.",
    from_elsewhere: |address| format!("It is on another network ({address}). If the device is not beside you, say no."),
    from_page: |origin| format!("A web page asked for it ({origin}). If the device is not beside you, say no."),
    not_yours: "If you did not begin this yourself, or somebody sent you the code, press “Refuse”.",
    yes: "It is me, sign in",
    no: "Refuse",
    yes_title: "Signed in",
    yes_lead: |name| format!("Go back to the device and use “{name}”. You can close this page."),
    no_title: "Not signed in",
    no_lead: |name| format!("“{name}” was told nothing about you. You can close this page."),
    before_title: "It had its answer before",
    before_lead: |name| {
        format!(
            "This sign-in to “{name}” was answered before you refused it, or it is over. If a device is in that should not be, sign it out now."
        )
    },
    waiting_heading: "Sign-ins that wait for you",
    waiting_lead: "A platform says that you are signing in. Look closely before you decide.",
    look: "Look",
};
