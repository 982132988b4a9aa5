//! 简体中文。

use super::{
    Account, Activate, Common, Consent, ErrorText, Errors, FormPost, Guardian, Home, Identity, Kind, Messages, Shared,
    SignIn, SignOut,
};

/// The Chinese texts.
pub static ZH: Messages = Messages {
    common: Common {
        brand_line: "教育系统统一登录",
        language_label: "语言",
        other_language: "English",
        signed_in_as: "当前登录：",
        not_me: "不是我",
        never_asks: "登录只要用户名和密码，不用身份证号。请不要把密码告诉任何人。",
        back_to: |name| format!("回到“{name}”"),
    },
    sign_in: SignIn {
        title: "登录",
        for_client: |name| format!("登录后就能进入“{name}”。"),
        lead: "登录一次，各个学习平台都能用。",
        login: "用户名",
        login_hint: "用户名印在学校发的小纸条上。",
        password: "密码",
        own_device: "这是我自己的设备",
        own_device_hint: "勾选后，关掉浏览器也不用重新登录。在学校或别人的电脑上请不要勾选。",
        submit: "登录",
        first_time: "第一次来？",
        activate: "用激活码设置密码",
        forgot: "忘了用户名或密码？请找您的老师或学校帮忙。",
        refused: "用户名或密码不对，请再试一次。",
        too_many: |minutes| format!("试的次数太多了。请等 {minutes} 分钟再试。"),
        busy: "现在登录的人很多。请等几秒钟，再点一次“登录”。",
        expired: "这个页面打开太久，已经失效了。请再登录一次。",
    },
    activate: Activate {
        title: "设置密码",
        lead: "第一次使用，请先给自己设一个密码。",
        code: "激活码",
        code_hint: "激活码印在学校发的小纸条上。",
        user_name: "您的用户名",
        user_name_hint: "以后登录要用它，请记下来。",
        new_password: "新密码",
        new_password_hint: |least| format!("至少 {least} 个字。可以用一句只有您知道的话，不要用生日或姓名。"),
        again: "再输一遍新密码",
        submit: "设好了",
        unknown_code: "没有找到这个激活码。请对照小纸条，再输一次。",
        used: "这个激活码已经用过了。如果密码已经设好，请直接登录；如果不是您用的，请马上告诉学校。",
        expired: "这个激活码过期了。请找学校要一个新的。",
        too_short: |least| format!("密码太短了，至少要 {least} 个字。"),
        too_long: |most| format!("密码太长了，最多 {most} 个字。"),
        too_common: "这个密码太常见，别人很容易猜到。请换一个。",
        like_user_name: "密码不能和用户名一样。请换一个。",
        mismatch: "两次输入的密码不一样。请再输一遍。",
        done_title: "密码设好了",
        done_lead: "登录时请用这个用户名：",
        done_next: "请把用户名记好，不要把密码告诉别人。",
        children_too: "您也是家长：登录以后，首页会列出登记在您名下的孩子，请看看对不对。",
        sign_in_instead: "密码已经设过了？去登录",
    },
    identity: Identity {
        title: "今天用哪个身份？",
        lead: |name| format!("进入“{name}”前，请选一个身份。"),
        lead_plain: "请选一个身份。",
        last_used: "上次用的",
        student: Kind { name: "学生", glyph: "学" },
        teacher: Kind { name: "教师", glyph: "师" },
        guardian: Kind { name: "家长", glyph: "亲" },
        school_staff: Kind { name: "学校工作人员", glyph: "校" },
        office_staff: Kind { name: "机构工作人员", glyph: "职" },
        other: Kind { name: "其他身份", glyph: "人" },
    },
    account: Account {
        title: "用哪个账号继续？",
        lead: "这台设备上已经有人登录了。",
        continue_as: |name| format!("以{name}继续"),
        other: "换一个账号",
    },
    consent: Consent {
        title: |name| format!("“{name}”想知道这些信息"),
        receiver: |name| format!("如果您同意，名籍会把下面的信息交给“{name}”。"),
        stranger: |host| {
            format!(
                "没有机构登记过它，也没有人替它担保：名字是它自己写的，能确认的只有网址 {host}。不认识这个网址，就不要同意。"
            )
        },
        site: "网址",
        vendor: "接收方",
        contact: "联系方式",
        purpose: "用途",
        default_purpose: |name| format!("让您登录并使用“{name}”"),
        items_heading: "会交出的信息",
        number_stays: "身份证号不会交给任何平台。",
        withdraw: |minutes| {
            format!(
                "您可以随时在首页的“同意过的平台”里收回。收回后，最多再过 {minutes} 分钟，这个平台就不能再取得您的信息。"
            )
        },
        policy: "隐私政策",
        terms: "服务条款",
        allow: "同意",
        deny: "不同意",
        identifier: Shared { title: "一个编号", detail: "只给这个平台用，它靠这个编号认出您。" },
        system_number: Shared {
            title: "系统内的编号", detail: "教育系统各平台共用，靠这个编号认出是同一个人。"
        },
        always: Shared {
            title: "正在使用的身份",
            detail: "在哪所学校或机构、是教师、家长还是学生、哪个班；大概的年龄段；实名核验到哪一步、哪天核验的。每次登录都会给出。",
        },
        profile: Shared {
            title: "姓名和基本资料", detail: "姓名，以及您自己填写的称呼、头像、性别、生日等。"
        },
        email: Shared { title: "电子邮箱", detail: "您确认过的邮箱地址。" },
        phone: Shared { title: "手机号", detail: "您确认过的手机号。" },
        address: Shared { title: "地址", detail: "您的通信地址。" },
        offline: Shared {
            title: "离开后继续使用", detail: "不用每次都登录，平台也能更新上面的信息。"
        },
        identities: Shared {
            title: "全部身份", detail: "在哪些学校或机构，是教师、家长还是学生，从什么时候起。"
        },
        classes: Shared { title: "班级", detail: "所在或任教的班级。" },
        children: Shared { title: "监护的孩子", detail: "监护的、已经同意给这个平台的孩子。" },
        real_name: Shared {
            title: "实名核验结果", detail: "只说核验过没有、怎样核验的，不含证件号码。"
        },
        space: Shared { title: "个人空间", detail: "空间的编号和网址。" },
    },
    details: super::details::ZH,
    guardian: Guardian {
        title: "先请家长同意",
        sentence: "要先请你的爸爸妈妈或其他监护人同意，才能进这里。",
        why: |name| format!("“{name}”想知道你的一些信息。你还不到 14 岁，这件事要由家长来决定。"),
        not_your_fault: "你没有做错什么。把这一页给家长或老师看看吧。",
        adults_heading: "给家长的话",
        adults: |name| format!("没有您的同意，我们不会把孩子的任何信息交给“{name}”。"),
        steps: [
            "先了解这个平台是谁办的、会用到孩子的哪些信息。",
            "如果同意，请联系孩子的学校，由学校登记您的同意。",
            "登记好以后，让孩子重新打开平台就能进去。您可以随时撤回。",
        ],
    },
    form_post: FormPost {
        title: "正在回到平台", lead: "如果页面没有自动跳转，请按下面的按钮。", go_on: "继续"
    },
    sign_out: SignOut {
        title: "要退出登录吗？",
        asked_by: |name| format!("“{name}”请您退出登录。"),
        lead: "退出后，所有用这次登录打开的平台都会一起退出。",
        yes: "退出登录",
        no: "先不退出",
        done_title: "已退出",
        done_sentence: "您已经退出登录。",
        go_on: "继续",
        lost: "：平台给出的返回地址没有登记过。请告诉平台的管理员。",
        done_shared: "如果这是公用电脑，请再把浏览器关掉。",
    },
    home: Home {
        title: "一次登录，处处可用",
        lead: "名籍是教育系统的登录处。老师、学生和家长在这里登录一次，就能进入各个学习平台。",
        how_heading: "怎么用",
        steps: ["打开您要用的学习平台，点“登录”。", "在这里输入用户名和密码。", "自动回到平台，开始使用。"],
        signed_in: |name| format!("{name}，您好"),
        one_sign_in: "您已经登录，可以直接打开学习平台，不用再输密码。",
        platforms: "打开平台",
        sign_out: "退出登录",
        activate: "第一次来？用激活码设置密码",
    },
    holders: super::holders::ZH,
    looks: super::looks::ZH,
    wards: super::wards::ZH,
    slips: super::slips::ZH,
    elsewhere: super::elsewhere::ZH,
    devices: super::elsewhere::DEVICES_ZH,
    own_password: super::mine::OWN_PASSWORD_ZH,
    consents: super::mine::CONSENTS_ZH,
    record: super::record::ZH,
    erasure: super::erasure::ZH,
    console: super::console_zh::ZH,
    faults: super::faults::ZH,
    errors: Errors {
        request_id: "请求编号",
        home: "回到首页",
        redirect_uri: ErrorText {
            title: "不能回到这个平台",
            sentence: "这个平台给出的返回地址没有登记过，所以我们没有继续。",
            advice: "您的账号没有问题。请把这件事告诉平台的管理员。",
        },
        post_logout_uri: ErrorText {
            title: "不能回到这个地址",
            sentence: "这个平台给出的退出后返回地址没有登记过，所以我们没有跳转。",
            advice: "请把这件事告诉平台的管理员。想退出登录，可以回到首页退出。",
        },
        id_token_hint: ErrorText {
            title: "退出请求无法核对",
            sentence: "这个平台发来的退出凭据无法核对，所以我们没有继续。",
            advice: "想退出登录，可以回到首页退出。",
        },
        client: ErrorText {
            title: "不认识这个平台",
            sentence: "请求登录的平台没有在这里登记，或者已经停用。",
            advice: "请检查网址有没有打错，或者问问学校。",
        },
        client_keys: ErrorText {
            title: "这个平台现在收不到登录结果",
            sentence: "这个平台登记的公钥里，没有能用来给它加密回答的。您没有做错什么，再试也没有用。",
            advice: "请把这个页面告诉平台的技术人员：控制台写明要改什么。",
        },
        expired: ErrorText {
            title: "页面已经失效",
            sentence: "这个页面打开太久，或者已经用过了。",
            advice: "请回到您要用的平台，重新点“登录”。",
        },
        internal: ErrorText {
            title: "我们这边出了问题",
            sentence: "系统出了一点问题，这次没有完成。",
            advice: "请过一会儿再试。如果一直这样，请把下面的请求编号告诉学校。",
        },
        not_found: ErrorText {
            title: "没有这个页面",
            sentence: "您要找的页面不存在。",
            advice: "请检查网址有没有打错。",
        },
        busy: ErrorText {
            title: "现在人很多",
            sentence: "现在访问的人很多，这次没有完成。",
            advice: "请等几秒钟，再试一次。",
        },
        document_heading: "给这个应用的开发者：它的登记文件（client_id 指向的地址）现在不能用。",
        document: super::documents::zh,
    },
};
